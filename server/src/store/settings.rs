//! Settings of the installation that are made once, at its first start.

use super::{Store, read, write_alone};
use crate::error::Result;

impl Store {
    pub async fn setting(&self, name: &str) -> Result<Option<String>> {
        const SQL: &str = "select value from setting where name = $1";
        Ok(read!(self, db => sqlx::query_scalar(SQL).bind(name).fetch_optional(db).await)?)
    }

    /// The value of a setting, which is stored now if there is none: of two servers that start
    /// together, both get the first one's.
    pub async fn setting_or(&self, name: &str, value: &str) -> Result<String> {
        const SQL: &str =
            "insert into setting (name, value) values ($1, $2) on conflict (name) do nothing";
        write_alone!(self, db => sqlx::query(SQL).bind(name).bind(value).execute(db).await.map(drop))?;
        Ok(self.setting(name).await?.unwrap_or_else(|| value.to_owned()))
    }
}
