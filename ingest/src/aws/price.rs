//! What AWS takes for what is asked, by its list prices of 2026 in US dollars. Regions differ by little, and what an
//! account has free is not counted: these are estimates, on the high side.

/// What one call costs whatever it brings, and each unit that it is billed by.
struct Price {
    action: &'static str,
    per_call: f64,
    per_unit: f64,
}

/// Everything that is not here costs nothing by the call.
const PRICES: [Price; 5] = [
    // Traces that are looked through.
    Price { action: "xray:GetTraceSummaries", per_call: 0.0, per_unit: 0.50 / 1e6 },
    // Traces that are fetched.
    Price { action: "xray:BatchGetTraces", per_call: 0.0, per_unit: 0.50 / 1e6 },
    Price { action: "xray:StartTraceRetrieval", per_call: 0.0, per_unit: 0.50 / 1e6 },
    // Metrics that are asked for, whatever of them there is.
    Price { action: "cloudwatch:GetMetricData", per_call: 0.0, per_unit: 0.01 / 1e3 },
    Price { action: "cloudwatch:ListMetrics", per_call: 0.01 / 1e3, per_unit: 0.0 },
];

/// What so many calls with so many units cost, US dollars.
pub(super) fn usd(action: &str, calls: f64, units: f64) -> f64 {
    let price = PRICES.iter().find(|price| price.action == action);
    price.map_or(0.0, |price| price.per_call * calls + price.per_unit * units)
}

/// Whether an action can cost anything.
pub(super) fn is_billed(action: &str) -> bool {
    PRICES.iter().any(|price| price.action == action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_metrics_costs_what_the_price_list_says() {
        // Ten services with eight metrics each, every five minutes.
        let cost = usd("cloudwatch:GetMetricData", 288.0, 288.0 * 80.0);
        assert!((cost - 0.2304).abs() < 1e-9, "{cost}");
        assert_eq!((usd("logs:FilterLogEvents", 1e6, 1e6), is_billed("logs:FilterLogEvents")), (0.0, false));
    }
}
