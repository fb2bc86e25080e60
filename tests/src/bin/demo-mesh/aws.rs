//! The part of the demo that is in AWS: some services tell their spans to X-Ray alone, each in another way, and ECS counts
//! one edge. AWS is a server of ours that answers as AWS does.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use sidecarta_tests::fake_aws::FakeAws;
use sidecarta_tests::mesh::{Counts, Mesh, SpanSink, Truth};
use tokio::time::sleep;

use crate::{Failure, free_or_other};

/// How long AWS keeps what it has, longer than Sidecarta looks back.
const KEPT: Duration = Duration::from_mins(5);

/// How often what was counted of an edge goes to CloudWatch.
const COUNTED_EVERY: Duration = Duration::from_secs(5);

/// The edge that ECS counts.
const COUNTED: [&str; 2] = ["orders", "inventory"];

/// Two accounts: one that keeps traces in X-Ray, and one that keeps them in CloudWatch Logs.
pub(crate) struct DemoAws {
    classic: FakeAws,
    search: FakeAws,
    /// Where Sidecarta takes segments by UDP.
    pub(crate) daemon: SocketAddr,
    socket: Arc<UdpSocket>,
}

impl DemoAws {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let (classic, search) = (FakeAws::start().await, FakeAws::start().await);
        search.xray.set_transaction_search(true);
        search.logs.create("aws/spans");
        for fake in [&classic, &search] {
            fake.xray.page_of(100);
        }
        for service in COUNTED {
            classic.ecs.put_service("shop", service, "shop.local", &[service]);
        }
        let any: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 0));
        Ok(Self { classic, search, daemon: free_or_other(any)?, socket: Arc::new(UdpSocket::bind(any)?) })
    }

    /// What Sidecarta has to know to read it.
    pub(crate) fn configuration(&self) -> String {
        let mut text = format!("[xray]\naddress = \"{}\"\nfixed_rate = 1.0\n", self.daemon);
        let accounts = [("classic", "eu-west-1", &self.classic), ("search", "us-east-1", &self.search)];
        for (name, region, fake) in accounts {
            // Writing into a text does not fail.
            let _ = write!(
                text,
                r#"
[[aws]]
name = "{name}"
region = "{region}"
endpoint_url = "{}"
budget = {{ calls_per_second = 50.0, calls_per_day = 5000000, usd_per_day = 50.0 }}
[aws.xray]
interval_ms = 2000
settle_ms = 1000
overlap_ms = 5000
look_back_ms = 60000
look_back_every_ms = 20000
begin_before_ms = 10000
retry_ms = 2000
"#,
                fake.url()
            );
        }
        text + "[[aws.log_group]]\ngroup = \"aws/spans\"\nkind = \"spans\"\ninterval_ms = 2000\noverlap_ms = 20000\n\
                [[aws]]\nname = \"ecs\"\nregion = \"eu-west-1\"\nxray = { enabled = false }\n"
            + &format!(
                "endpoint_url = \"{}\"\nbudget = {{ usd_per_day = 50.0 }}\n\
                 service_connect = {{ clusters = [\"shop\"], interval_ms = 10000, settle_ms = 0, \
                 list_interval_ms = 20000 }}\n",
                self.classic.url()
            )
    }

    /// Where the spans of each service go that does not speak OTLP.
    pub(crate) fn sinks(&self) -> BTreeMap<&'static str, SpanSink> {
        let (daemon, socket) = (self.daemon, Arc::clone(&self.socket));
        let by_udp = move |segment: Value| {
            let packet = format!("{{\"format\": \"json\", \"version\": 1}}\n{segment}");
            // As with X-Ray's own SDKs, nobody hears of a packet that is lost.
            let _ = socket.send_to(packet.as_bytes(), daemon);
        };
        let (classic, search, spans) =
            (self.classic.xray.clone(), self.search.xray.clone(), self.search.logs.clone());
        let as_line = move |span: Value| {
            let time_ms = span["endTimeUnixNano"].as_i64().unwrap_or_default() / 1_000_000;
            spans.put("aws/spans", "default", [(time_ms, span.to_string())]);
        };
        BTreeMap::from([
            ("payments", SpanSink::Segments(Arc::new(by_udp))),
            ("users", SpanSink::Segments(Arc::new(move |segment| classic.put(&segment)))),
            ("inventory", SpanSink::Segments(Arc::new(move |segment| search.put(&segment)))),
            ("catalog", SpanSink::Lines(Arc::new(as_line))),
        ])
    }

    /// Counts for CloudWatch, and forgets what is old, for ever; does nothing for ever where there is no AWS.
    pub(crate) async fn run(aws: Option<&Self>, mesh: &Mesh) {
        let Some(aws) = aws else { return std::future::pending().await };
        let mut before = Counts::default();
        loop {
            sleep(COUNTED_EVERY).await;
            let now = counted(&mesh.truth());
            let minute = since_1970().as_secs() as i64 / 60;
            let (errors, requests) = (now.errors - before.errors, now.requests - before.requests);
            for (class, count) in [("2XX", requests - errors), ("5XX", errors)] {
                let metric = format!("HTTPCode_Target_{class}_Count");
                let call = ["shop", COUNTED[0], COUNTED[1]];
                aws.classic.metrics.put(&metric, call, minute, &vec![1.0; count as usize]);
            }
            before = now;
            let oldest = since_1970().saturating_sub(KEPT);
            for fake in [&aws.classic, &aws.search] {
                fake.xray.forget_before(oldest);
                fake.logs.forget_before(oldest);
            }
        }
    }
}

/// Final answers of the edge that ECS counts.
fn counted(truth: &Truth) -> Counts {
    truth.between(COUNTED[0], COUNTED[1])
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
