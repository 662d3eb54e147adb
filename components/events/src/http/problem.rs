//! Errors as RFC 9457 problem documents.

use serde::Serialize;

use super::Response;

/// An error that the client is told about.
///
/// As JSON: `{"type":"about:blank","title":"Bad Request","status":400,"code":"bad-parameter","detail":"…"}`. `title`
/// is the status in words, `code` is for machines and stays, `detail` is for people and may change.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: String,
    #[serde(skip)]
    headers: Vec<(&'static str, String)>,
}

impl Problem {
    pub(crate) fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        Self { kind: "about:blank", title: title(status), status, code, detail: detail.into(), headers: Vec::new() }
    }

    /// 400: a parameter, header or body cannot be read.
    pub(crate) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(400, code, detail)
    }

    /// 422: it can be read, and is not acceptable.
    pub(crate) fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(422, code, detail)
    }

    /// 503: nothing has changed, try again in `seconds`.
    pub(crate) fn unavailable(code: &'static str, detail: impl Into<String>, seconds: u32) -> Self {
        Self::new(503, code, detail).with_header("retry-after", seconds.to_string())
    }

    /// The same with one more header.
    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl From<Problem> for Response {
    fn from(mut problem: Problem) -> Self {
        let headers = std::mem::take(&mut problem.headers);
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let response = Self::text(problem.status, "application/problem+json", body);
        headers.into_iter().fold(response, |response, (name, value)| response.with_header(name, value))
    }
}

/// The words of RFC 9110 for the statuses that we use.
fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        410 => "Gone",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        503 => "Service Unavailable",
        _ => "Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_json_with_its_status_inside_and_out() {
        let response: Response = Problem::unavailable("locked", "busy", 1).into();
        assert_eq!(response.status, 503);
        assert_eq!(response.header("content-type"), Some("application/problem+json"));
        assert_eq!(response.header("retry-after"), Some("1"));
        let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        let expected = serde_json::json!({"type": "about:blank", "title": "Service Unavailable", "status": 503,
            "code": "locked", "detail": "busy"});
        assert_eq!(body, expected);
    }
}
