//! The server: the real store and exchange, and the checks of what they count.

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc, time::Duration};

use buckler::{
    model::address::to_text,
    protocol::v2::{AgentPart, Flag, Have, ListCursor, ListMode, ListUpdate, ServerPart},
};
use buckler_server::{
    Moment, Node, Protected, Store, Tick,
    exchange::answered,
    list::Head,
    store::{
        AgentIdent, Answer, BanRules, Command, EntryView, Events, FleetView, ListStep, Quotas, Record, Report, Rules,
        Transport, Via, new_epoch,
    },
};
use ipnet::IpNet;

use super::{
    ledger::{Ledger, Memory},
    plan::Plan,
};

/// The fleet's name.
const FLEET: &str = "default";
/// How often agents that poll are to come.
pub(super) const INTERVAL: Duration = Duration::from_secs(30);

/// The server.
pub(super) struct Server {
    rules: Rules,
    pub(super) state: State,
    pub(super) up: bool,
    /// Who can be pushed to, and where his list was when it was told last.
    connections: BTreeMap<u64, Option<ListCursor>>,
    /// When the list changed last.
    pub(super) changed: Duration,
    rev: (String, u64),
}

/// What a backup holds.
#[derive(Debug, Clone)]
pub(super) struct State {
    node: Node,
    /// A store that is given the same records: it is equal at every moment.
    twin: Store,
    pub(super) memory: Memory,
}

/// A push for a connection.
pub(super) type Announcement = (u64, ServerPart);

impl Server {
    pub(super) fn new(plan: &Plan) -> Self {
        let rules = Rules {
            protected: Arc::new(Protected::new(true, [])),
            bounds: plan.bounds,
            agents: 1_000,
            shared_live: plan.shared_live,
            shared_per_minute: plan.shared_per_minute,
            quotas: Quotas::default(),
        };
        Self {
            state: State::empty(&rules),
            rules,
            up: true,
            connections: BTreeMap::new(),
            changed: Duration::ZERO,
            rev: (String::new(), 0),
        }
    }

    /// Answers a message as `data.v2` of a reply.
    pub(super) fn answer(
        &mut self,
        part: AgentPart,
        introduces: bool,
        connection: Option<u64>,
        now: Moment,
        ledger: &mut Ledger,
    ) -> String {
        let who = AgentIdent::Installed {
            profile: "shop".into(),
            id: part.agent_id,
        };
        let have = part.have.clone();
        let expected = ledger.expect(&mut self.state.memory, &part);
        let late = expected.late(&self.state.memory);
        let listed_before: Vec<bool> = late.iter().map(|(network, _)| self.is_listed(*network, now)).collect();
        let (counted, missing) = self.counted();
        let mut report = Report {
            who: Arc::new(who),
            fleet: FLEET.into(),
            via: Via::default(),
            peer: Ipv4Addr::LOCALHOST.into(),
            transport: if connection.is_some() {
                Transport::WebSocket
            } else {
                Transport::Http
            },
            version: "0".to_owned(),
            introduction: introduces.then(|| ("simulation".to_owned(), 0)),
            telemetry: None,
            bans: BanRules::default(),
            events: Events::V2(Box::new(part)),
        };
        let mut intent = self.state.node.intent(&mut report);
        let answers = self.apply(std::mem::take(&mut intent.commands), now);
        let exchange = answered(&mut self.state.node, &report, &intent, &answers, &have, now).unwrap();
        self.counts(expected.news.len() as u64, counted, missing);
        for ((network, unban), was_listed) in late.into_iter().zip(listed_before) {
            let is_listed = self.is_listed(network, now);
            assert!(
                was_listed || !is_listed,
                "{network} was let in at {unban} ms, and a late copy of its ban lists it"
            );
        }
        self.hear_unbans(&expected.news, now);
        let told = exchange.leads_to().map(Head::cursor);
        let linked = connection.and_then(|connection| self.connections.get_mut(&connection));
        let interval = linked.is_none().then_some(INTERVAL);
        if let Some(linked) = linked {
            *linked = told;
        }
        let answer = exchange.part(None, interval).unwrap();
        let json = serde_json::to_string(&answer).unwrap();
        let said: ServerPart = serde_json::from_str(&json).unwrap();
        assert_eq!(
            said.ack,
            Some(expected.ack),
            "it acknowledges what it counted, and no more"
        );
        json
    }

    /// The store counted as many as there were news, and missed as many as the numbers say.
    fn counts(&self, news: u64, counted: u64, missing: u64) {
        let (counted_now, missing_now) = self.counted();
        assert_eq!(counted_now - counted, news, "events counted, and news in the message");
        assert!(missing_now >= missing);
        assert_eq!(missing_now, self.state.memory.missing, "events missing");
    }

    /// Events counted and missing, over all agents.
    fn counted(&self) -> (u64, u64) {
        let agents = self.state.node.agents();
        agents.iter().fold((0, 0), |(counted, missing), agent| {
            let shared = &agent.shared;
            let refused: u64 = shared.refused.values().sum();
            (
                counted + shared.bans + shared.unbans + shared.attacks + refused,
                missing + agent.missing,
            )
        })
    }

    fn hear_unbans(&mut self, news: &[buckler::protocol::v2::Event], now: Moment) {
        for event in news
            .iter()
            .filter(|event| event.kind == buckler::protocol::v2::EventKind::Unban)
        {
            // the store remembers it unless an operator listed the network: then it is on the list, and stays there
            if let Ok(network) = event.address.parse()
                && !self.is_listed(network, now)
            {
                self.state.memory.unbans.insert(network, now.unix_ms);
            }
        }
    }

    pub(super) fn ban(&mut self, network: IpNet, ttl_s: Option<u64>, now: Moment) {
        let ban = Command::Ban {
            fleet: FLEET.into(),
            network,
            ttl_s,
            why: "operator".to_owned(),
        };
        self.apply(vec![ban], now);
        self.state.memory.unbans.remove(&network);
    }

    pub(super) fn unban(&mut self, network: IpNet, now: Moment) {
        let fleet = FLEET.into();
        self.apply(vec![Command::Unban { fleet, network }], now);
        self.state.memory.unbans.insert(network, now.unix_ms);
        assert!(!self.is_listed(network, now), "{network} was let in and is listed");
    }

    fn is_listed(&self, network: IpNet, now: Moment) -> bool {
        self.state.node.store.entry(FLEET, network, now).unwrap().is_some()
    }

    /// Applies commands to the node and to its twin. What has ended is removed before.
    fn apply(&mut self, commands: Vec<Command>, now: Moment) -> Vec<Answer> {
        let State { node, twin, .. } = &mut self.state;
        let expiry = node.must_expire(now.tick).then_some(Command::Expire);
        let expired = usize::from(expiry.is_some());
        let record = Record::new(now, expiry.into_iter().chain(commands).collect());
        let answers = node.store.apply(&record);
        assert_eq!(answers, twin.apply(&record));
        answers.into_iter().skip(expired).collect()
    }

    /// Holds the twin to be equal.
    pub(super) fn compare(&self) {
        let State { node, twin, .. } = &self.state;
        assert!(
            node.store.rows().eq(twin.rows()),
            "the same records made two different stores"
        );
    }

    pub(super) fn head(&mut self, now: Moment) -> FleetView {
        self.apply(Vec::new(), now);
        self.state.node.store.fleet(FLEET).unwrap()
    }

    pub(super) fn entries(&mut self, now: Moment) -> Vec<EntryView> {
        self.apply(Vec::new(), now);
        self.state.node.store.entries(FLEET, None, usize::MAX, now).unwrap()
    }

    pub(super) fn connect(&mut self, connection: u64) {
        self.connections.insert(connection, None);
    }

    pub(super) fn disconnect(&mut self, connection: u64) {
        self.connections.remove(&connection);
    }

    /// Says farewell to everybody, or just goes.
    pub(super) fn stop(&mut self, politely: bool) -> Vec<Announcement> {
        self.up = false;
        let connections = std::mem::take(&mut self.connections).into_keys();
        let goodbye = ServerPart {
            flags: vec![Flag::Goodbye],
            ..ServerPart::default()
        };
        connections
            .filter(|_| politely)
            .map(|connection| (connection, goodbye.clone()))
            .collect()
    }

    /// Comes back with this state, or with none.
    pub(super) fn start(&mut self, state: Option<State>) {
        self.up = true;
        self.state = state.unwrap_or_else(|| State::empty(&self.rules));
    }

    /// Removes what has ended, and tells every connection what changed since it was told last.
    pub(super) fn announce(&mut self, at: Duration, now: Moment) -> Vec<Announcement> {
        let FleetView { epoch, rev, .. } = self.head(now);
        if self.rev != (epoch.clone(), rev) {
            self.rev = (epoch, rev);
            self.changed = at;
        }
        let Self { state, connections, .. } = self;
        let mut said = Vec::new();
        for (connection, told) in connections {
            let Some(cursor) = told else { continue };
            if *cursor.epoch == *self.rev.0 && cursor.rev == self.rev.1 {
                continue;
            }
            let have = Have {
                list: Some(cursor.clone()),
                ..Have::default()
            };
            match state.node.list_for(FLEET, &have, now).unwrap() {
                ListStep::Current(_) => {}
                ListStep::Delta {
                    from,
                    head,
                    add,
                    remove,
                } => {
                    *told = Some(head.cursor());
                    said.push((*connection, delta(from, &head, &add, &remove, now)));
                }
                ListStep::Page(..) => {
                    *told = None;
                    let flags = vec![Flag::PullNow];
                    said.push((
                        *connection,
                        ServerPart {
                            flags,
                            ..ServerPart::default()
                        },
                    ));
                }
            }
        }
        said
    }
}

impl State {
    fn empty(rules: &Rules) -> Self {
        let mut store = Store::new(rules.clone());
        let found = Command::Found {
            fleet: FLEET.into(),
            epoch: new_epoch(),
        };
        store.apply(&Record::new(Moment::default(), vec![found]));
        Self {
            twin: store.clone(),
            node: Node::new(store),
            memory: Memory::default(),
        }
    }
}

fn delta(from: u64, head: &Head, add: &[(IpNet, Tick)], remove: &[IpNet], now: Moment) -> ServerPart {
    let ListCursor {
        epoch,
        rev,
        count,
        digest,
    } = head.cursor();
    let list = ListUpdate {
        complete: false,
        mode: ListMode::Delta,
        epoch,
        from,
        to: rev,
        add: add
            .iter()
            .map(|(network, end)| (to_text(*network), end.left(now.tick)))
            .collect(),
        remove: remove.iter().map(|network| to_text(*network)).collect(),
        page: 1,
        pages: 1,
        count,
        digest,
    };
    ServerPart {
        list: Some(list),
        ..ServerPart::default()
    }
}
