//! One region of one account, ready to be asked.

use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::SharedCredentialsProvider;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

use super::backfill::Backfills;
use super::budget::Budget;
use super::config::AwsConfig;
use super::source::AwsSource;
use crate::pipeline::Pipeline;
use crate::status::SourceBook;

/// One region of one account, ready to be asked. Clones are one.
#[derive(Clone, Debug)]
pub struct AwsRegion {
    name: Arc<str>,
    sdk: SdkConfig,
    pub(super) budget: Budget,
    pipeline: Pipeline,
    book: SourceBook,
    backfills: Backfills,
}

impl AwsRegion {
    /// Finds the region and the credentials by the SDK's usual chain, as far as the configuration does not say them.
    /// Nothing is asked of AWS yet.
    pub(super) async fn new(
        config: &AwsConfig,
        pipeline: &Pipeline,
        book: &SourceBook,
        backfills: &Backfills,
    ) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_millis(config.connect_timeout_ms))
            .operation_timeout(Duration::from_millis(config.timeout_ms))
            .build();
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            // Tries are counted and paced by the budget, so that the SDK must not make any by itself.
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        if !config.region.is_empty() {
            loader = loader.region(Region::new(config.region.clone()));
        }
        if !config.profile.is_empty() {
            loader = loader.profile_name(&config.profile);
        }
        if !config.endpoint_url.is_empty() {
            loader = loader.endpoint_url(&config.endpoint_url);
        }
        let mut sdk = loader.load().await;
        if !config.role_arn.is_empty() {
            let mut role =
                AssumeRoleProvider::builder(&config.role_arn).session_name("sidecarta").configure(&sdk);
            if !config.external_id.is_empty() {
                role = role.external_id(&config.external_id);
            }
            let credentials = SharedCredentialsProvider::new(role.build().await);
            sdk = sdk.into_builder().credentials_provider(credentials).build();
        }
        let day = pipeline.restored(&budget_key(config.called())).unwrap_or_default();
        Self {
            name: config.called().into(),
            sdk,
            budget: Budget::new(&config.budget, day),
            pipeline: pipeline.clone(),
            book: book.clone(),
            backfills: backfills.clone(),
        }
    }

    /// Name of the entry of the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The region, such as `eu-west-1`; empty where none is configured.
    pub fn region(&self) -> &str {
        self.sdk.region().map(AsRef::as_ref).unwrap_or_default()
    }

    /// What the clients of all services are made of: region, credentials, address, time limits. They do not try again by
    /// themselves.
    pub fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    /// Where what is read goes.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// A line of the Sources page. `name` says what is read, where the kind alone does not: the name of a log group.
    pub fn source(&self, kind: &str, name: &str) -> AwsSource {
        let called = if name.is_empty() { self.name.to_string() } else { format!("{} {name}", self.name) };
        let handle = self.book.source(kind, &called);
        let backfill = self.backfills.of(kind, &called, &self.pipeline);
        AwsSource::new(format!("{kind}:{called}"), self.region(), self.budget.clone(), handle, backfill)
    }
}

/// Under which the used part of a budget is stored.
pub(super) fn budget_key(name: &str) -> String {
    format!("aws_budget:{name}")
}
