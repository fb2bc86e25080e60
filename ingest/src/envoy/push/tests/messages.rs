//! Messages of the metrics service as tests want them.

use bytes::Bytes;

/// What one Envoy has counted, and when it says so.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) time_ms: i64,
    pub(crate) uptime_s: Option<u64>,
    pub(crate) restart_epoch: u64,
    pub(crate) counters: Vec<(String, u64)>,
    /// With how many there are in all.
    pub(crate) histograms: Vec<(String, Buckets, u64)>,
}

/// Upper bounds with the counts up to them.
pub(crate) type Buckets = Vec<(f64, u64)>;

impl Said {
    /// Said at some time, in seconds, by a process that started at another.
    pub(crate) fn at(time_s: i64, started_s: i64) -> Self {
        Self { time_ms: time_s * 1_000 + 7, uptime_s: Some((time_s - started_s) as u64), ..Self::default() }
    }

    pub(crate) fn requests(mut self, cluster: &str, count: u64) -> Self {
        self.counters.push((format!("cluster.{cluster}.upstream_rq_completed"), count));
        self
    }

    /// So many requests of 5 to 10 ms.
    pub(crate) fn latencies(mut self, cluster: &str, count: u64) -> Self {
        let buckets = vec![(5.0, 0), (10.0, count), (25.0, count)];
        self.histograms.push((format!("cluster.{cluster}.upstream_rq_time"), buckets, count));
        self
    }

    /// The metrics, in the order in which Envoy sends them.
    fn families(&self) -> Vec<Vec<u8>> {
        let number = |value: u64| double(1, value as f64);
        let counters = self.counters.iter().map(|(name, value)| self.family(name, 0, (3, &number(*value))));
        let epoch = ("server.hot_restart_epoch", self.restart_epoch);
        let gauges = self.uptime_s.into_iter().flat_map(|uptime| [("server.uptime", uptime), epoch]);
        let gauges = gauges.map(|(name, value)| self.family(name, 1, (2, &number(value))));
        let histograms = self.histograms.iter().map(|(name, buckets, count)| {
            let bucket =
                |(bound, count): &(f64, u64)| field(3, &[varint(1, *count), double(2, *bound)].concat());
            let buckets: Vec<u8> = buckets.iter().flat_map(bucket).collect();
            self.family(name, 4, (7, &[varint(1, *count), buckets].concat()))
        });
        counters.chain(gauges).chain(histograms).collect()
    }

    /// All of it as one message.
    pub(crate) fn message(&self) -> Bytes {
        self.messages(usize::MAX).remove(0)
    }

    /// All of it in messages of so many metrics each.
    pub(crate) fn messages(&self, batch_size: usize) -> Vec<Bytes> {
        let families = self.families();
        families.chunks(batch_size.min(families.len().max(1))).map(|part| part.concat().into()).collect()
    }

    fn family(&self, name: &str, kind: u64, (number, value): (u32, &[u8])) -> Vec<u8> {
        let metric = [field(number, value), varint(6, self.time_ms as u64)].concat();
        field(2, &[field(1, name.as_bytes()), varint(3, kind), field(4, &metric)].concat())
    }
}

fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::encode_varint(u64::from(number << 3 | 2), &mut out);
    prost::encoding::encode_varint(content.len() as u64, &mut out);
    out.extend_from_slice(content);
    out
}

fn varint(number: u32, value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::encode_varint(u64::from(number << 3), &mut out);
    prost::encoding::encode_varint(value, &mut out);
    out
}

fn double(number: u32, value: f64) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::encode_varint(u64::from(number << 3 | 1), &mut out);
    out.extend_from_slice(&value.to_le_bytes());
    out
}
