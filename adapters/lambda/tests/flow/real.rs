//! The runtime interface emulator that AWS ships, where `.ci/lambda-rie` has fetched it into the target directory.

use std::{
    env,
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use buckler_tests::{
    http,
    wait::{free, until},
};
use serde_json::{Value, json};

use super::{
    cloud::Cloud,
    events::{Front, get},
    function::{Answer, command},
};

#[test]
fn the_real_emulator_runs_it() {
    let Some(program) = emulator() else {
        eprintln!("skipped: there is no aws-lambda-rie in the target directory; .ci/lambda-rie fetches it");
        return;
    };
    let cloud = Cloud::start(&json!({}));
    let lambda = Real::start(&program, &cloud.url());
    for front in Front::ALL {
        let answer = lambda.invoke(&get("/", "203.0.113.10").through(front));
        assert_eq!(
            (answer.status(), answer.body()),
            (200, b"welcome".to_vec()),
            "{front:?}"
        );
    }
    // it starts the function with the first invocation
    assert_eq!(cloud.next().message["platform"], "AWS Lambda");
    assert_eq!(
        lambda
            .invoke(&get("/.git/config", "203.0.113.9").through(Front::RestApi))
            .status(),
        403
    );
    assert_eq!(cloud.next_report().events(), ["203.0.113.9"]);
    assert_eq!(
        lambda.invoke(&get("/", "203.0.113.9").through(Front::HttpApi)).status(),
        403
    );
}

fn emulator() -> Option<PathBuf> {
    let program = env::current_exe().unwrap();
    let mut directories = program.ancestors().skip(1);
    directories.find_map(|directory| Some(directory.join("aws-lambda-rie")).filter(|file| file.is_file()))
}

/// The emulator's process, and the function's below it.
struct Real {
    process: Child,
    address: SocketAddr,
}

impl Real {
    fn start(program: &PathBuf, cloud: &str) -> Self {
        let [address, api] = [free(), free()];
        let function = command(cloud);
        let process = Command::new(program)
            .args(["--runtime-interface-emulator-address", &address.to_string()])
            .args(["--runtime-api-address", &api.to_string()])
            .arg(function.get_program())
            .args(function.get_args())
            .envs(function.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // from here on it is ended with this
        let real = Self { process, address };
        until("the emulator listens", || TcpStream::connect(address).is_ok());
        real
    }

    fn invoke(&self, event: &Value) -> Answer {
        let body = event.to_string();
        let head = format!(
            "POST /2015-03-31/functions/function/invocations HTTP/1.1\r\nContent-Length: {}\r\n",
            body.len()
        );
        let answer = http::ask(self.address, &head, body.as_bytes());
        Answer(serde_json::from_str(answer.text()).unwrap())
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
