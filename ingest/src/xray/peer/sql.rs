//! Calls to databases that speak SQL.

use super::copy;
use crate::xray::attributes::Attributes;
use crate::xray::document::Entity;
use crate::xray::json::Object;
use crate::xray::url::Url;

/// Names the database. It stands in the URL, or before the `@` of the subsegment's name.
pub(super) fn name(attributes: &mut Attributes, entity: &Entity<'_>, sql: &Object<'_>) {
    let text = sql.text("url").or_else(|| sql.text("connection_string"));
    let url = text.as_deref().and_then(Url::parse);
    let stated = sql.text("database_type");
    let system = stated.as_deref().or(url.map(|url| url.scheme)).unwrap_or("other_sql");
    attributes.text("db.system.name", Some(system_name(system)));
    let (database, host) = match entity.name.split_once('@') {
        Some((database, host)) => (Some(database), Some(host)),
        None => (None, Some(&*entity.name).filter(|name| name.contains('.'))),
    };
    let in_url = url.map(|url| url.path.trim_matches('/')).filter(|path| !path.is_empty());
    attributes.text("db.namespace", in_url.or(database).filter(|name| !name.is_empty()));
    attributes.text(
        "server.address",
        url.map(|url| url.host).or(host).or(Some(&*entity.name)).filter(|name| !name.is_empty()),
    );
    attributes.integer("server.port", url.and_then(|url| url.port).map(i64::from));
    copy(attributes, "db.query.text", sql, "sanitized_query");
    copy(attributes, "db.user", sql, "user");
    for key in ["database_version", "driver_version", "preparation"] {
        attributes.text(&format!("aws.xray.sql.{key}"), sql.text(key));
    }
    attributes.text("aws.xray.sql.url", text);
}

/// The name that the semantic conventions have for a kind of database.
fn system_name(stated: &str) -> String {
    let name = stated.to_ascii_lowercase();
    let known = [
        ("postgres", "postgresql"),
        ("mariadb", "mariadb"),
        ("mysql", "mysql"),
        ("sql server", "microsoft.sql_server"),
        ("sqlserver", "microsoft.sql_server"),
        ("mssql", "microsoft.sql_server"),
        ("oracle", "oracle.db"),
        ("sqlite", "sqlite"),
    ];
    let found = known.iter().find(|(part, _)| name.contains(part));
    found.map_or(name.clone(), |(_, system)| (*system).to_owned())
}
