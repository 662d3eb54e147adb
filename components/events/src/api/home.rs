//! `GET /`: the workshop's greeting, and for a browser the dashboard.

use serde_json::json;

use crate::dashboard;
use crate::http::{Request, Response, prefers_html};

/// `GET /`.
pub(crate) fn home(request: &Request) -> Response {
    let response = if prefers_html(&request.header_values("accept")) {
        dashboard::page()
    } else {
        Response::json(200, &json!({"status": "Bonjour tout le monde !"}))
    };
    response.with_header("vary", "Accept".to_owned())
}
