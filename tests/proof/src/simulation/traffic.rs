//! Messages on their way: requests, answers, pushes.

use std::time::Duration;

use buckler::{
    model::conversation::{Outgoing, Reply},
    protocol::{BeaconReply, Envelope, Welcome, v2::ServerPart},
    transport::Advice,
};

use super::{
    network::{chance, fate, tamper},
    queue::Event,
    server::Announcement,
    world::{Machine, World},
};

/// How long an agent waits for an answer, as the transports do.
const DEADLINE: Duration = Duration::from_secs(10);

impl World {
    /// Sends a message on its way, and waits for the answer.
    pub(super) fn send(&mut self, agent: usize, number: u64, message: &Outgoing) {
        let Machine { life, connection, .. } = self.machines[agent];
        self.note(|_| format!("agent {agent}: sends {number}: {}", brief(message)));
        self.plan_event(DEADLINE, Event::Deadline { agent, life, number });
        for after in self.copies(agent) {
            let message = message.clone();
            self.plan_event(
                after,
                Event::Request {
                    agent,
                    life,
                    number,
                    connection,
                    message,
                },
            );
        }
    }

    /// When each copy of a message to or from this agent arrives.
    fn copies(&mut self, agent: usize) -> Vec<Duration> {
        let weather = self.weather();
        let copies = fate(&weather, &mut self.random).copies;
        let is_cut = self.now < self.machines[agent].cut_until;
        match copies.len() {
            0 => self.summary.lost += 1,
            _ if is_cut => self.summary.lost += 1,
            1 => {}
            _ => self.summary.repeated += 1,
        }
        if is_cut { Vec::new() } else { copies }
    }

    pub(super) fn request(&mut self, agent: usize, life: u32, number: u64, connection: Option<u64>, message: Outgoing) {
        let weather = self.weather();
        let answer = if !self.server.up {
            Err(Advice::Retry)
        } else if chance(weather.refused, &mut self.random) {
            let wait = Duration::from_secs(self.random.u64(5..120));
            Err(*self
                .random
                .choice(&[Advice::Retry, Advice::Wait(wait), Advice::Extended])
                .unwrap())
        } else {
            Ok(self.exchange(connection, message))
        };
        self.note(|_| match &answer {
            Ok(json) => format!("server: answers {number} of agent {agent}: {json}"),
            Err(advice) => format!("server: refuses {number} of agent {agent}: {advice:?}"),
        });
        for after in self.copies(agent) {
            let answer = answer.clone();
            self.plan_event(
                after,
                Event::Answer {
                    agent,
                    life,
                    number,
                    answer,
                },
            );
        }
        self.announce();
    }

    /// The message as it is read from JSON, and the body of its answer.
    fn exchange(&mut self, connection: Option<u64>, message: Outgoing) -> String {
        self.summary.exchanges += 1;
        let (introduces, part) = match message {
            Outgoing::Register(message) => (true, message.v2),
            Outgoing::Beacon(_, message) => (false, message.v2),
        };
        let json = serde_json::to_string(&part).unwrap();
        let part = serde_json::from_str(&json).unwrap();
        let now = self.moment();
        let v2 = self.server.answer(part, introduces, connection, now, &mut self.ledger);
        let v2 = self.tampered(v2);
        format!(r#"{{"status":true,"message":"ok","data":{{"config":{{}},"blacklist":{{}},"v2":{v2}}}}}"#)
    }

    fn tampered(&mut self, json: String) -> String {
        let weather = self.weather();
        if !chance(weather.tampered, &mut self.random) {
            return json;
        }
        let mut part: ServerPart = serde_json::from_str(&json).unwrap();
        self.summary.tampered += u64::from(tamper(&mut part, &mut self.random));
        serde_json::to_string(&part).unwrap()
    }

    pub(super) fn answer(&mut self, agent: usize, life: u32, number: u64, answer: Result<String, Advice>) {
        self.with(agent, life, |process, here| match answer {
            Ok(json) => process.answered(number, reply(&json), here),
            Err(advice) => process.failed(number, advice, here.now, here.random),
        });
    }

    /// Tells the list's followers what changed.
    pub(super) fn announce(&mut self) {
        if self.server.up {
            let (at, now) = (self.now, self.moment());
            let said = self.server.announce(at, now);
            self.spread(said);
        }
    }

    pub(super) fn spread(&mut self, said: Vec<Announcement>) {
        for (connection, part) in said {
            let agent = self.connections[usize::try_from(connection).unwrap()];
            let json = self.tampered(serde_json::to_string(&part).unwrap());
            for after in self.copies(agent) {
                let json = json.clone();
                self.plan_event(
                    after,
                    Event::Push {
                        agent,
                        connection,
                        json,
                    },
                );
            }
        }
    }

    pub(super) fn push(&mut self, agent: usize, connection: u64, json: &str) {
        let Machine {
            life,
            connection: current,
            ..
        } = self.machines[agent];
        if current == Some(connection) {
            self.summary.pushes += 1;
            let part: ServerPart = serde_json::from_str(json).unwrap();
            self.note(|_| format!("agent {agent}: is pushed {json}"));
            self.with(agent, life, |process, here| process.pushed(part, here));
        }
    }
}

/// An answer as the agent reads it. Whether it is read as a welcome or as a beacon's reply makes no difference in version 2.
fn reply(json: &str) -> Reply {
    let welcome: Envelope<Welcome> = serde_json::from_str(json).unwrap();
    let beacon: Envelope<BeaconReply> = serde_json::from_str(json).unwrap();
    let (welcome, beacon) = (welcome.data.unwrap(), beacon.data.unwrap());
    assert_eq!(welcome.v2, beacon.v2);
    Reply::Welcome(welcome)
}

fn brief(message: &Outgoing) -> String {
    let (kind, part) = match message {
        Outgoing::Register(message) => ("registration", message.v2.as_ref()),
        Outgoing::Beacon(_, message) => ("beacon", message.v2.as_ref()),
    };
    let Some(part) = part else {
        return format!("{kind} of version 1");
    };
    let have = part.have.list.as_ref().map(|list| (&list.epoch, list.rev));
    let (stream, first, events) = (part.stream, part.first, part.events.len());
    format!(
        "{kind}, has {have:?} and {:?}, {events} events of {stream} from {first}",
        part.have.staging
    )
}
