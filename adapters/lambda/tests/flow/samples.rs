//! The sample events that come with `lambda_http`, as its maintainers collected them from each service.

use std::{collections::BTreeMap, env, fs, path::PathBuf, process::Command};

use serde_json::{Value, json};

use super::{
    cloud::Cloud,
    emulator::Done,
    function::{Answer, Function},
};

const DECOY: &str = "/.git/config";

/// Samples of each shape, and whom each names as its client: no two the same.
const CLIENTS: [(&str, &str); 5] = [
    ("alb_request", "72.21.198.66"),
    ("apigw_multi_value_proxy_request", "192.168.196.186"),
    ("apigw_proxy_request", "192.168.100.1"),
    ("apigw_v2_proxy_request_minimal", "65.78.31.245"),
    ("vpc_lattice_v2_request", "10.0.2.100"),
];

/// Other samples of the same clients, some through another service.
const SAME_CLIENTS: [&str; 4] = [
    "alb_multi_value_request",
    "apigw_no_host",
    "lambda_function_url_request",
    "vpc_lattice_v2_request_base64",
];

#[test]
fn the_samples_of_lambda_http_pass_and_their_clients_are_known_through_every_service() {
    let samples = samples();
    let cloud = Cloud::start(&json!({"SECURITY_CHECKS": {"flood": 0}}));
    // three of the samples come from networks of their own: there clients are private
    let private = [("BUCKLER_AGENT__CLIENTS_ARE_PRIVATE", "true")];
    let function = Function::start_with(&cloud.url(), &cloud.answers, true, &private);
    cloud.next();
    for (name, sample) in &samples {
        let answer = ask(&function, sample.clone());
        assert!(
            matches!(answer.status(), 200 | 404),
            "{name}: the function answers: {answer:?}"
        );
    }
    for (name, client) in CLIENTS {
        let decoy = at(samples[name].clone(), DECOY);
        assert_eq!(ask(&function, decoy).status(), 403, "{name}");
        assert_eq!(cloud.next_report().events(), [client], "{name}");
    }
    let banned = CLIENTS.iter().map(|(name, _)| *name).chain(SAME_CLIENTS);
    for name in banned {
        assert_eq!(ask(&function, samples[name].clone()).status(), 403, "{name}");
    }
}

fn ask(function: &Function, event: Value) -> Answer {
    let done = function.invoke(event);
    let Done::Answered(answer) = done else {
        panic!("{done:?}")
    };
    Answer(answer)
}

/// The same sample for another path, wherever its service writes it, from a program: a person,
/// whose browser names languages, may have been sent a link there.
fn at(mut sample: Value, path: &str) -> Value {
    for pointer in ["/headers", "/multiValueHeaders"] {
        if let Some(Value::Object(headers)) = sample.pointer_mut(pointer) {
            headers.retain(|name, _| !name.eq_ignore_ascii_case("accept-language"));
        }
    }
    for pointer in ["/path", "/rawPath", "/requestContext/path", "/requestContext/http/path"] {
        if let Some(place) = sample.pointer_mut(pointer) {
            *place = path.into();
        }
    }
    sample
}

/// The samples, by their names: from where cargo keeps the crate's source.
fn samples() -> BTreeMap<String, Value> {
    let directory = lambda_http().join("tests/data");
    let files = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let samples: BTreeMap<_, _> = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, serde_json::from_slice(&fs::read(&path).unwrap()).unwrap())
        })
        .collect();
    assert!(samples.len() > CLIENTS.len(), "{samples:?}");
    samples
}

fn lambda_http() -> PathBuf {
    let version = cargo(&["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    // packages of other platforms may never have been fetched
    let metadata = cargo(&[
        "metadata",
        "--format-version=1",
        "--offline",
        "--locked",
        "--filter-platform",
        host,
    ]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "lambda_http");
    let manifest = package.unwrap()["manifest_path"].as_str().unwrap();
    PathBuf::from(manifest).parent().unwrap().to_owned()
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
