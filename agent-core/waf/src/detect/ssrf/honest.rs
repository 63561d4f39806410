//! Hosts within that are named by right: in settings, and by what runs beside the application.

use super::contains_ignoring_case;
use crate::{detect::Value, places::Part};

/// Whether a value names a directory or a store of files as settings do: in a body, where the path
/// or the field's name says so, with a host and the port that such services have. What makes
/// another service obey needs a port of it, or codes in the path.
pub(super) fn is_setting(value: &Value<'_>) -> bool {
    /// What those who run an application connect it to, with the ports that it listens at.
    const SERVICES: &[(&str, &[&str])] = &[
        ("ldap", &["389", "3268", "1389"]),
        ("ldaps", &["636", "3269", "1636"]),
        ("sftp", &["22", "2222", "2022"]),
    ];
    let Some((scheme, rest)) = value.text.trim().split_once("://") else {
        return false;
    };
    let Some((_, ports)) = SERVICES.iter().find(|(known, _)| scheme.eq_ignore_ascii_case(known)) else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = host.rsplit_once(':').unwrap_or((host, ""));
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    // the path of a directory is a distinguished name (RFC 4516), and of others one of a folder
    let path = rest.get(authority.len()..).unwrap_or_default();
    let is_path = !scheme.starts_with(['l', 'L']) || matches!(path, "" | "/") || path.contains('=');
    let is_plain =
        !host.is_empty() && host.bytes().all(is_name) && !rest.contains(['%', '\\', '\r', '\n', '{', '$']) && is_path;
    let name = value.place.last_name();
    let is_named = [scheme, "directory", "backup"]
        .iter()
        .any(|word| contains_ignoring_case(&name, word.trim_end_matches('s')));
    is_plain && (port.is_empty() || ports.contains(&port)) && (is_named || value.context.is_settings())
}

/// Whether a value says in a setting which database, queue or mail server an application works
/// with: programs that fetch pages know none of these schemes, and no setting names a page.
pub(super) fn is_connection(value: &Value<'_>) -> bool {
    const SCHEMES: &[&str] = &[
        "amqp",
        "amqps",
        "bolt",
        "clickhouse",
        "kafka",
        "mariadb",
        "memcached",
        "mongodb",
        "mqtt",
        "mqtts",
        "mysql",
        "nats",
        "neo4j",
        "postgres",
        "postgresql",
        "redis",
        "rediss",
        "sqlserver",
    ];
    // what settings call it
    #[rustfmt::skip]
    const NAMES: &[&str] = &[
        "dsn", "connection", "database", "db", "broker", "queue", "cache", "datasource", "sql", "postgres", "redis", "mongo", "amqp", "rabbit", "kafka", "nats", "mqtt", "neo4j", "bolt",
        "clickhouse", "memcache", "maria",
    ];
    if value.place.part != Part::Body {
        return false;
    }
    if is_setting(value) {
        return is_plain_setting(value.text);
    }
    if value.context.is_settings() && (is_socket_of_a_browser(value) || is_service(value)) {
        return true;
    }
    let scheme = value.text.split("://").next().unwrap_or_default();
    let name = value.place.last_name();
    let is_named = || NAMES.iter().any(|known| contains_ignoring_case(&name, known));
    SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known))
        && (value.context.is_settings() || is_named())
        && is_plain_setting(value.text)
}

/// Whether a setting says where browsers open a WebSocket while the application is developed.
fn is_socket_of_a_browser(value: &Value<'_>) -> bool {
    let text = value.text.trim();
    let Some(rest) = text.strip_prefix("ws://").or_else(|| text.strip_prefix("wss://")) else {
        return false;
    };
    let name = value.place.last_name();
    let is_named = ["ws", "socket", "realtime"]
        .iter()
        .any(|word| contains_ignoring_case(&name, word));
    is_named && !rest.contains(['@', '?', '%']) && is_plain_loopback(text)
}

/// Whether a setting says where a service runs that it is called after, with the port at which that
/// service listens unless it is told otherwise, and no path.
fn is_service(value: &Value<'_>) -> bool {
    #[rustfmt::skip]
    const SERVICES: &[(&str, &[&str])] = &[
        ("elastic", &["9200"]), ("es", &["9200"]), ("opensearch", &["9200"]), ("prometheus", &["9090"]), ("grafana", &["3000"]), ("loki", &["3100"]), ("ollama", &["11434"]),
        ("meili", &["7700"]), ("typesense", &["8108"]), ("solr", &["8983"]), ("qdrant", &["6333"]), ("minio", &["9000"]), ("jaeger", &["14268", "16686", "4318"]),
        ("tempo", &["3200", "4318"]), ("otlp", &["4317", "4318"]), ("otel", &["4317", "4318"]), ("influx", &["8086"]), ("gotenberg", &["3000"]), ("mailpit", &["8025"]),
        ("mailhog", &["8025"]), ("weaviate", &["8080"]), ("chroma", &["8000"]), ("tika", &["9998"]), ("clamav", &["3310"]), ("libretranslate", &["5000"]),
    ];
    let text = value.text.trim();
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let rest = rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    let Some((host, port)) = rest.and_then(|rest| rest.split_once(':')) else {
        return false;
    };
    let name = value.place.last_name().to_ascii_lowercase();
    let mut words = name.split(['_', '-', '.']);
    let is_called = |service: &str| {
        words
            .clone()
            .any(|word| word == service || service.len() > 3 && word.starts_with(service))
    };
    matches!(host, "localhost" | "127.0.0.1")
        && SERVICES
            .iter()
            .any(|(service, ports)| ports.contains(&port) && is_called(service))
        && words.next().is_some()
}

/// Whether a directory or a store is one of the machine's own.
fn is_plain_setting(text: &str) -> bool {
    let authority = text
        .split("://")
        .nth(1)
        .unwrap_or_default()
        .split(['/', '?', '#'])
        .next()
        .unwrap_or_default();
    let host = authority
        .rsplit('@')
        .next()
        .unwrap_or_default()
        .split(':')
        .next()
        .unwrap_or_default();
    matches!(host, "localhost" | "127.0.0.1") && !text.contains(['\\', '\r', '\n'])
}

/// Whether the first URL is one of an application on the client's own machine: written as URLs are,
/// at a port that such applications listen at.
pub(super) fn is_plain_loopback(text: &str) -> bool {
    let url = text.split_ascii_whitespace().next().unwrap_or_default();
    let url = url.split([',', ';']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else {
        return false;
    };
    let is_scheme = scheme
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-'));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, ""),
    };
    let host = host.to_ascii_lowercase();
    let is_loopback = match host.strip_prefix("127.") {
        Some(rest) => rest.split('.').count() == 3 && rest.split('.').all(|part| part.parse::<u8>().is_ok()),
        None => {
            matches!(
                host.as_str(),
                "localhost" | "[::1]" | "0.0.0.0" | "host.docker.internal"
            ) || host.ends_with(".localhost")
        }
    };
    is_scheme && is_loopback && !authority.contains(['@', '\\']) && is_port_of_an_application(port)
}

/// Ports above 1023 but for those of databases, queues and control interfaces, which speak to no
/// browser.
fn is_port_of_an_application(port: &str) -> bool {
    const OF_SERVICES: &[u16] = &[
        1433, 2181, 2375, 2376, 2379, 3306, 4243, 5432, 5672, 5984, 6379, 6443, 8009, 8300, 8500, 9042, 9092, 9200,
        9300, 10_250, 10_255, 11_211, 15_672, 27_017, 50_070, 61_616,
    ];
    if matches!(port, "" | "*") {
        return true;
    }
    port.parse::<u16>()
        .is_ok_and(|port| matches!(port, 80 | 443) || (port >= 1024 && !OF_SERVICES.contains(&port)))
}
