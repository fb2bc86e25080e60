use super::{identity, now_ns, started};

const RECORDED_INFO: &[u8] = include_bytes!("../../../../tests/fixtures/envoy/server_info.json");
const RECORDED_DUMP: &[u8] = include_bytes!("../../../../tests/fixtures/envoy/config_dump.json");

#[test]
fn a_recorded_proxy_says_who_it_is() {
    let started = started(RECORDED_DUMP).expect("a time");
    assert_eq!(started, "2026-11-23T08:36:50.961Z");
    let before_ns = now_ns();
    let (process, proxy) =
        identity(RECORDED_INFO, started.clone(), "http://127.0.0.1:9901".to_owned()).expect("an identity");
    assert_eq!(process.started, started);
    assert_eq!(process.restart_epoch, 0);
    let uptime_ns = 19_000_000_000;
    assert!((before_ns - uptime_ns..=now_ns() - uptime_ns).contains(&process.started_at_ns));
    assert_eq!((proxy.id.as_str(), proxy.cluster.as_str()), ("lab-gateway-1", "gateway"));
    assert_eq!((proxy.zone.as_str(), proxy.envoy_version.as_str()), ("eu-west-1a", "1.40.0"));
    assert_eq!(proxy.address, "http://127.0.0.1:9901");
}

#[test]
fn other_json_is_no_envoy() {
    for body in
        [r#"{"configs": []}"#, r#"{"status": "ok"}"#, r#"{"configs": [{"@type": "x.BootstrapConfigDump"}]}"#]
    {
        let error = started(body.as_bytes()).expect_err(body).to_string();
        assert!(error.contains("not an Envoy") || error.contains("not what an Envoy"), "{error}");
    }
    for body in ["{}", r#"{"version": "1/2", "uptime_current_epoch": "long"}"#] {
        identity(body.as_bytes(), String::new(), String::new()).expect_err(body);
    }
}
