//! A statement that is put together from fixed parts, because a list has filters that may be absent
//! and places that may be many. Only `&'static str` becomes SQL; every value is bound.

use uuid::Uuid;

#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Id(Uuid),
    Int(i64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Uuid> for Value {
    fn from(id: Uuid) -> Self {
        Self::Id(id)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Statement {
    pub sql: String,
    pub values: Vec<Value>,
}

impl Statement {
    pub fn new(sql: &'static str) -> Self {
        Self { sql: sql.to_owned(), values: vec![] }
    }

    pub fn push(&mut self, sql: &'static str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// The next parameter.
    pub fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        self.sql.push('$');
        self.sql.push_str(&self.values.len().to_string());
        self
    }

    /// A parameter for each of these, in brackets. An empty list matches nothing.
    pub fn bind_all(&mut self, values: impl IntoIterator<Item = Uuid>) -> &mut Self {
        self.push("(");
        let mut is_first = true;
        for value in values {
            if !is_first {
                self.push(", ");
            }
            is_first = false;
            self.bind(value);
        }
        self.push(if is_first { "null)" } else { ")" })
    }

    /// That a column of lower-case text holds each word of a search.
    pub fn and_holds(&mut self, column: &'static str, search: &str) -> &mut Self {
        for word in search.to_lowercase().split_whitespace().take(8) {
            self.push(" and ").may_hold(column, word);
        }
        self
    }

    /// That a column holds a text; SQLite looks at no case of ASCII letters, and finds more.
    pub fn may_hold(&mut self, column: &'static str, text: &str) -> &mut Self {
        let text = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        self.push(column).push(" like ").bind(format!("%{text}%")).push(" escape '\\'")
    }
}

/// Binds a [`Statement`]'s values, in order.
macro_rules! bound {
    ($query:expr, $statement:expr) => {{
        let mut query = $query;
        for value in &$statement.values {
            query = match value {
                $crate::store::statement::Value::Text(text) => query.bind(text.clone()),
                $crate::store::statement::Value::Id(id) => query.bind(*id),
                $crate::store::statement::Value::Int(n) => query.bind(*n),
            };
        }
        query
    }};
}

pub(super) use bound;
