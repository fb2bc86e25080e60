//! `GET /api/v1/identity`: what a name stands for, and why.

use axum::Json;
use axum::extract::{Query, State};
use jiff::Timestamp;
use serde::Deserialize;
use sidecarta_queries::api::identity::{IdentityResponse, NameKind};
use sidecarta_queries::graph::{self, IdentityQuestion};

use crate::error::ApiError;
use crate::params::GraphParams;
use crate::state::AppState;

/// Bytes that a name may have.
const MAX_NAME_BYTES: usize = 4_096;

/// The name that is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NameParams {
    name: Option<String>,
    kind: Option<String>,
    caller: Option<String>,
}

impl NameParams {
    fn question(self) -> Result<IdentityQuestion, ApiError> {
        let bad = |message: String| ApiError::bad_request("bad_name", message);
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        let (caller, kind) = (some(self.caller), some(self.kind));
        let Some(name) = some(self.name) else {
            return Err(bad("name must be the name of a cluster, proxy, service or host".to_owned()));
        };
        for (key, text) in [("name", &name), ("caller", caller.as_ref().unwrap_or(&name))] {
            if text.len() > MAX_NAME_BYTES {
                return Err(bad(format!("{key} has {} bytes, more than {MAX_NAME_BYTES}", text.len())));
            }
        }
        let of_word = |word: String| {
            let found = NameKind::ALL.into_iter().find(|kind| kind.word() == word);
            let message = || format!("kind is `cluster`, `proxy`, `service` or `host`, not `{word}`");
            found.ok_or_else(|| ApiError::bad_request("bad_kind", message()))
        };
        Ok(IdentityQuestion { name, kind: kind.map(of_word).transpose()?, caller })
    }
}

/// What a name stands for, and what each rule says of it.
#[utoipa::path(
    get, path = "/api/v1/identity", tag = "identity",
    params(
        ("name" = String, Query, description = "name of a cluster, proxy (`node.id` or `node.cluster`), service or host"),
        ("kind" = Option<String>, Query, description = "`cluster`, `proxy`, `service` or `host`; default each of them"),
        ("caller" = Option<String>, Query, description = "the service whose proxy has the cluster; default any"),
        ("from" = Option<String>, Query, description = "RFC 3339, `now` or relative as `-15m`; default `-15m`"),
        ("to" = Option<String>, Query, description = "likewise; default `now`"),
    ),
    responses(
        (status = 200, body = IdentityResponse),
        (status = 400, body = sidecarta_queries::api::error::ErrorResponse),
    )
)]
pub async fn explain_name(
    State(state): State<AppState>,
    Query(name): Query<NameParams>,
    params: GraphParams,
) -> Result<Json<IdentityResponse>, ApiError> {
    let question = name.question()?;
    let (query, _) = params.query(Timestamp::now())?;
    let identity = state.ask(move |store, rules| graph::explain(store, rules, &question, &query)).await?;
    Ok(Json(IdentityResponse { identity }))
}
