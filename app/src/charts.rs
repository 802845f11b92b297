//! Charts: from data to SVG that carries classes in place of colours, so that it follows the theme.
