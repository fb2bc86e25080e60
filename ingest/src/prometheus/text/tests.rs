use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::prometheus::exposition::Rejects;
use crate::prometheus::family::{Bucket, Family, Histogram, Sample, Value};

fn plain(text: &str) -> Exposition<'_> {
    decode_text(text.as_bytes(), Format::Text, DecodeLimits::default())
}

fn open_metrics(text: &str) -> Exposition<'_> {
    decode_text(text.as_bytes(), Format::OpenMetrics, DecodeLimits::default())
}

fn only<'e, 'a>(exposition: &'e Exposition<'a>) -> (&'e Family<'a>, &'e Sample<'a>) {
    assert_eq!(exposition.rejects, Rejects::default());
    let [family] = &exposition.families[..] else { panic!("{exposition:?}") };
    let [sample] = &family.samples[..] else { panic!("{exposition:?}") };
    (family, sample)
}

#[test]
fn lines_are_read_as_targets_write_them() {
    let none: &[(&str, &str)] = &[];
    for (line, name, labels, value) in [
        ("a 1", "a", none, 1.0),
        ("envoy_server_live{} 1", "envoy_server_live", none, 1.0),
        ("a{b=\"c\"} 5389.1343571387997144483961164951", "a", &[("b", "c")], 5_389.134_357_138_8),
        ("a 18446744073709551613", "a", none, 18_446_744_073_709_551_613.0),
        ("a -0.5 1", "a", none, -0.5),
        ("a +Inf", "a", none, f64::INFINITY),
        ("job:a:rate5m{b=\"c\",} 1e3", "job:a:rate5m", &[("b", "c")], 1_000.0),
        ("a{c=\"2\", b=\"1\"}\t7", "a", &[("b", "1"), ("c", "2")], 7.0),
        ("a{b=\"x}y,z=\\\"1\\\" \\\\ \\n\"} 1", "a", &[("b", "x}y,z=\"1\" \\ \n")], 1.0),
        ("a{b=\"CN=orders,OU=shop\"} 1", "a", &[("b", "CN=orders,OU=shop")], 1.0),
        ("a{b=\"outbound|80||x\",e=\"\"}1", "a", &[("b", "outbound|80||x")], 1.0),
        ("a{b=\"größe\"} 1", "a", &[("b", "größe")], 1.0),
        ("  a {b=\"c\"}  1  ", "a", &[("b", "c")], 1.0),
        ("a{b=\"1 2\"} 3 4", "a", &[("b", "1 2")], 3.0),
    ] {
        let text = format!("{line}\n");
        let exposition = plain(&text);
        let (family, sample) = only(&exposition);
        assert_eq!(family.name, name, "{line}");
        let found: Vec<_> = sample.labels.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(found, labels, "{line}");
        assert_eq!(sample.value, Value::Number(value), "{line}");
    }
    assert!(matches!(only(&plain("a NaN\n")).1.value, Value::Number(number) if number.is_nan()));
    assert_eq!(only(&plain("a 1 1700000000000\n")).1.timestamp_ms, Some(1_700_000_000_000));
}

#[test]
fn lines_that_cannot_be_read_cost_only_themselves() {
    for line in [
        "a",
        "a b",
        "a{",
        "a{b} 1",
        "a{b=c} 1",
        "a{b=\"c} 1",
        "a{b=\"c\"",
        "a{b=\"c\"d=\"e\"} 1",
        "1a 1",
        "a 1 soon",
        "{} 1",
        "a{1=\"b\"} 1",
        "a\u{0} 1",
        "# TYPE a",
        "# TYPE 1 counter",
        "größe 1 x",
    ] {
        let text = format!("before 1\n{line}\nafter 2\n");
        let exposition = plain(&text);
        let names: Vec<_> = exposition.families.iter().map(|family| &*family.name).collect();
        assert_eq!(names, ["before", "after"], "{line}");
        assert_eq!(exposition.rejects, Rejects { malformed: 1, ..Rejects::default() }, "{line}");
    }
    let exposition =
        decode_text(b"a 1\n\xff\xfe 1\nb{c=\"\xff\"} 1\n", Format::Text, DecodeLimits::default());
    assert_eq!((exposition.families.len(), exposition.rejects.malformed), (1, 2));
}

#[test]
fn a_last_line_without_an_end_may_be_half_a_number() {
    let exposition = plain("a 1\nb 12");
    assert_eq!(exposition.families.len(), 1);
    assert!(exposition.rejects.is_cut);
}

#[test]
fn histograms_are_put_together_from_lines_in_any_order() {
    let text = "# TYPE t histogram\nt_sum{a=\"1\"} 9.5\nt_bucket{le=\"+Inf\",a=\"1\"} 3\nt_bucket{a=\"2\",le=\"1\"} 1\n\
                t_bucket{a=\"1\",le=\"2\"} 2\nt_bucket{a=\"1\",le=\"0.5\"} 1\nt_count{a=\"1\"} 3\nt_count{a=\"2\"} 1\n";
    let exposition = plain(text);
    assert_eq!((exposition.rejects, exposition.families.len()), (Rejects::default(), 1));
    let bucket = |upper_bound, cumulative| Bucket { upper_bound, cumulative };
    let first =
        Histogram { buckets: vec![bucket(0.5, 1), bucket(2.0, 2)], count: 3, sum: Some(9.5), native: None };
    let second = Histogram { buckets: vec![bucket(1.0, 1)], count: 1, ..Histogram::default() };
    let values: Vec<_> = exposition.families[0].samples.iter().map(|sample| sample.value.clone()).collect();
    assert_eq!(values, [Value::Histogram(first), Value::Histogram(second)]);
}

#[test]
fn numbers_that_cannot_be_counts_are_counted_out() {
    let text = "# TYPE c counter\nc{a=\"1\"} -1\nc{a=\"2\"} NaN\nc{a=\"3\"} 3\n# TYPE g gauge\ng -1\n\
                # TYPE h histogram\nh_bucket{a=\"1\",le=\"1\"} 5\nh_bucket{a=\"1\",le=\"2\"} 4\nh_count{a=\"1\"} 5\n\
                h_bucket{a=\"2\",le=\"1\"} -5\nh_count{a=\"2\"} 5\nh_count{a=\"3\"} 18446744073709551613\n\
                h_bucket{le=\"x\"} 1\nh 1\n";
    let exposition = plain(text);
    assert_eq!(exposition.rejects, Rejects { values: 5, malformed: 2, ..Rejects::default() });
    let names: Vec<_> =
        exposition.families.iter().map(|family| (&*family.name, family.samples.len())).collect();
    assert_eq!(names, [("c", 1), ("g", 1)]);
}

#[test]
fn open_metrics_is_read_with_all_that_it_adds() {
    let text = "# HELP requests Requests.\n# TYPE requests counter\n# UNIT requests things\n\
                requests_total{a=\"1\"} 17 1700000000.5 # {trace_id=\"7\"} 0.67 1700000000.0\n\
                requests_created{a=\"1\"} 1600000000\n# TYPE t_seconds histogram\n\
                t_seconds_bucket{le=\"1\"} 2 # {trace_id=\"8\"} 0.5\nt_seconds_bucket{le=\"+Inf\"} 2\n\
                t_seconds_count 2 # {} 1\nt_seconds_sum 1.5\nt_seconds_created 1600000000\n# EOF\n";
    let exposition = open_metrics(text);
    assert_eq!(exposition.rejects, Rejects::default());
    let [requests, times] = &exposition.families[..] else { panic!("{exposition:?}") };
    assert_eq!(
        (&*requests.name, requests.kind, requests.unit.as_deref()),
        ("requests_total", Kind::Counter, Some("things"))
    );
    assert_eq!(requests.samples[0].value, Value::Number(17.0));
    assert_eq!(requests.samples[0].timestamp_ms, Some(1_700_000_000_500));
    assert_eq!(requests.samples.len(), 1);
    assert!(
        matches!(&times.samples[0].value, Value::Histogram(times) if times.count == 2 && times.buckets.len() == 1)
    );
    assert!(open_metrics("# TYPE a gauge\na 1\n").rejects.is_cut, "it says itself where it ends");
    assert!(!open_metrics("a 1\n# EOF").rejects.is_cut);
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    let lines: Vec<_> = (0..count).map(line).collect();
    lines.join("\n") + "\n"
}

#[test]
fn a_target_gets_no_more_memory_than_its_limits() {
    let limits = DecodeLimits { max_series: 10, max_labels: 3, max_label_bytes: 8, max_buckets: 4 };
    let read = |text: &str| {
        let exposition = decode_text(text.as_bytes(), Format::Text, limits);
        (exposition.families.iter().map(|family| family.samples.len()).sum::<usize>(), exposition.rejects)
    };
    let over = |over_limit| Rejects { over_limit, ..Rejects::default() };
    let many = lines(100, |n| format!("a{{b=\"{n}\"}} 1"));
    assert_eq!(read(&many), (9, over(91)));
    let families = lines(100, |n| format!("a{n} 1"));
    assert_eq!(read(&families), (5, over(95)));
    let declared = lines(100, |n| format!("# TYPE a{n} counter"));
    assert_eq!(read(&declared), (0, over(90)));
    let refused = |labels| Rejects { labels, ..Rejects::default() };
    assert_eq!(read("a{a=\"1\",b=\"1\",c=\"1\",d=\"1\"} 1\n"), (0, refused(1)));
    assert_eq!(
        read("a{a=\"123456789\"} 1\na{abcdefghi=\"1\"} 1\nabcdefghi 1\na{b=\"1\",b=\"2\"} 1\n"),
        (0, refused(4))
    );
    let bounds = lines(7, |n| format!("h_bucket{{le=\"{n}\"}} 1"));
    assert_eq!(read(&format!("# TYPE h histogram\n{bounds}h_count 1\n")).1.values, 1);
}

#[test]
fn a_family_that_is_declared_twice_stays_what_it_was() {
    let exposition = plain("# TYPE a counter\na{b=\"1\"} 1\n# TYPE a gauge\na{b=\"2\"} 2\n");
    assert_eq!((exposition.families.len(), exposition.families[0].kind), (1, Kind::Counter));
    assert_eq!((exposition.families[0].samples.len(), exposition.rejects.malformed), (2, 1));
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

proptest! {
    #[test]
    fn any_label_value_comes_back(values in prop::collection::vec("[^\\x00]{1,20}", 1..4), number in -1e9..1e9) {
        let labels: Vec<_> =
            values.iter().enumerate().map(|(at, value)| format!("l{at}=\"{}\"", escaped(value))).collect();
        let text = format!("# TYPE a gauge\na{{{}}} {number}\n", labels.join(","));
        let exposition = plain(&text);
        let (_, sample) = only(&exposition);
        let found: Vec<_> = sample.labels.iter().map(|(_, value)| value.clone()).collect();
        prop_assert_eq!(found, values.iter().map(Cow::from).collect::<Vec<_>>());
        prop_assert_eq!(&sample.value, &Value::Number(number));
    }

    #[test]
    fn any_bytes_are_read_or_counted(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for format in [Format::Text, Format::OpenMetrics] {
            let _ = decode_text(&bytes, format, DecodeLimits::default());
        }
    }

    #[test]
    fn any_text_of_the_right_signs_is_read_or_counted(text in "(# (TYPE|UNIT) )?[ab_{}\",=\\\\ 0-9\n#.-]{0,200}") {
        for format in [Format::Text, Format::OpenMetrics] {
            let _ = decode_text(text.as_bytes(), format, DecodeLimits::default());
        }
    }
}
