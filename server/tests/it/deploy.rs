//! What an operator installs: the unit, the manifests, the image, the example, and the description
//! of the API.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use awc::http::Method;
use buckler_server::ServerConfig;
use serde_json::Value;

use crate::support::{Cloud, config};

fn deploy(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    root.join("deploy").join(name)
}

/// What a program says, and whether it succeeded; `None` where it is not installed.
#[expect(clippy::print_stderr, reason = "says that it was skipped")]
fn said(program: &str, arguments: &[&str]) -> Option<(bool, String)> {
    match Command::new(program).args(arguments).output() {
        Ok(done) => {
            let text = [done.stdout, done.stderr].concat();
            Some((done.status.success(), String::from_utf8_lossy(&text).into_owned()))
        }
        Err(error) => {
            eprintln!("skipped: {program}: {error}");
            None
        }
    }
}

#[test]
fn deploy_the_unit_is_valid_and_sandboxed() {
    let unit = fs::read_to_string(deploy("systemd/buckler-server.service")).unwrap();
    let keys: Vec<&str> = unit.lines().map(str::trim).collect();
    for key in [
        "Type=notify",
        "LimitNOFILE=262144",
        "NoNewPrivileges=yes",
        "StateDirectoryMode=0700",
        "WatchdogSec=30",
    ] {
        assert!(keys.contains(&key), "{key} is missing");
    }
    // it names a program that is installed there
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("buckler-server.service");
    fs::write(
        &file,
        unit.replace("/usr/local/bin/buckler-server", env!("CARGO_BIN_EXE_buckler-server")),
    )
    .unwrap();
    let file = file.to_str().unwrap();
    if let Some((valid, said)) = said("systemd-analyze", &["verify", file]) {
        assert!(valid && !said.contains("buckler-server.service"), "{said}");
    }
    // exposure in tenths: 20 is "OK", an ordinary service has 96
    if let Some((is_sandboxed, said)) = said(
        "systemd-analyze",
        &["security", "--offline=true", "--threshold=20", file],
    ) {
        assert!(is_sandboxed, "{said}");
    }
}

#[test]
fn deploy_the_manifests_are_those_of_a_server_that_may_do_nothing_else() {
    let file = deploy("kubernetes/buckler.yaml");
    // it reads them by Kubernetes' own types, without a cluster
    let arguments = ["label", "--local", "-o", "json", "a=b", "-f", file.to_str().unwrap()];
    let Some((valid, said)) = said("kubectl", &arguments) else {
        return;
    };
    assert!(valid, "{said}");
    let objects: Vec<Value> = serde_json::Deserializer::from_str(&said)
        .into_iter::<Value>()
        .map(Result::unwrap)
        .collect();
    let kinds: Vec<&str> = objects.iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["Namespace", "StatefulSet", "Service", "Service"]);
    let set = &objects[1]["spec"];
    assert_eq!(set["replicas"], 1, "two servers would have a list each");
    let pod = &set["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    let server = &pod["containers"][0];
    assert_eq!(server["securityContext"]["readOnlyRootFilesystem"], true);
    assert_eq!(server["securityContext"]["allowPrivilegeEscalation"], false);
    assert_eq!(server["securityContext"]["capabilities"]["drop"][0], "ALL");
    assert_eq!(server["readinessProbe"]["httpGet"]["path"], "/readyz");
    assert_eq!(server["livenessProbe"]["httpGet"]["path"], "/livez");
    // every volume that is mounted is there
    let named = |list: &Value| -> Vec<String> {
        let list = list.as_array().unwrap().iter();
        list.map(|one| {
            one["name"]
                .as_str()
                .or_else(|| one["metadata"]["name"].as_str())
                .unwrap()
                .to_owned()
        })
        .collect()
    };
    let there = [named(&pod["volumes"]), named(&set["volumeClaimTemplates"])].concat();
    assert!(
        named(&server["volumeMounts"])
            .iter()
            .all(|mounted| there.contains(mounted))
    );
    let ports = named(&server["ports"]);
    for service in &objects[2..] {
        let selector = &service["spec"]["selector"];
        assert_eq!(selector, &set["selector"]["matchLabels"]);
        let target = service["spec"]["ports"][0]["targetPort"].as_str().unwrap().to_owned();
        assert!(ports.contains(&target), "{target}");
    }
}

#[test]
fn deploy_the_image_holds_one_program_without_privileges() {
    let text = fs::read_to_string(deploy("Containerfile")).unwrap();
    let last = text.rsplit("\nFROM ").next().unwrap();
    assert!(last.starts_with("scratch\n"), "{last}");
    let user = last.lines().find_map(|line| line.strip_prefix("USER ")).unwrap();
    let (user, group) = user.split_once(':').unwrap();
    assert!(user.parse::<u32>().unwrap() > 0 && group.parse::<u32>().unwrap() > 0);
    assert!(last.contains("ENTRYPOINT [\"/buckler-server\"") && last.contains("VOLUME [\"/var/lib/buckler\"]"));
    // the compiler is the one that the workspace asks for
    let root = deploy("..").join("Cargo.toml");
    let workspace = fs::read_to_string(root).unwrap();
    let version = workspace
        .split("rust-version = \"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap();
    assert!(text.contains(&format!("rust:{version}-alpine")), "{version}");
}

#[test]
fn deploy_the_example_is_a_configuration() {
    let example = ServerConfig::from_file(deploy("server.toml")).unwrap();
    assert!(example.tls.is_some() && example.admin_listen.is_some() && example.profiles.contains_key("shop"));
}

#[actix_web::test]
async fn deploy_the_description_of_the_api_is_served_to_operators() {
    let cloud = Cloud::start(config());
    cloud
        .send(Method::GET, "/admin/openapi.json", &[], b"")
        .await
        .refused(401);
    let described = cloud
        .admin(Method::GET, "/admin/openapi.json", &Value::Null)
        .await
        .json();
    assert_eq!(described["openapi"], "3.1.0");
    // every path without parameters that is read can be read as it says
    for (path, methods) in described["paths"].as_object().unwrap() {
        let role = &methods["get"]["x-role"];
        if path.contains('{') || role.is_null() {
            continue;
        }
        let status = cloud.admin(Method::GET, path, &Value::Null).await.status.as_u16();
        // a server that keeps everything in memory has no backup
        assert_eq!(status, if path == "/admin/backup" { 409 } else { 200 }, "{path}");
    }
}
