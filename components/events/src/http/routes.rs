//! Which routes there are, and which methods each one has.

use super::Problem;

/// A route that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/`
    Home,
    /// `/health`
    Health,
    /// `/ready`
    Ready,
    /// `/add`
    Add,
    /// `/count`
    Count,
    /// `/consultation`
    Consultation,
    /// `/status`
    Status,
    /// `/recovery`
    Recovery,
    /// `/metrics`
    Metrics,
    /// `/events`
    Events,
    /// `/events/{id}`, with the id as it was sent
    Event(String),
    /// `/runbook/{page}`
    Runbook(String),
    /// `/openapi.json`
    OpenApi,
}

/// A method that some route has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// GET, and HEAD, which the server makes of it.
    Get,
    /// POST.
    Post,
}

impl Route {
    /// The route of a path.
    ///
    /// # Errors
    /// 404 where there is none.
    pub(crate) fn find(path: &str) -> Result<Self, Problem> {
        Ok(match path {
            "/" => Self::Home,
            "/health" => Self::Health,
            "/ready" => Self::Ready,
            "/add" => Self::Add,
            "/count" => Self::Count,
            "/consultation" => Self::Consultation,
            "/status" => Self::Status,
            "/recovery" => Self::Recovery,
            "/metrics" => Self::Metrics,
            "/events" => Self::Events,
            "/openapi.json" => Self::OpenApi,
            _ => match (path.strip_prefix("/events/"), path.strip_prefix("/runbook/")) {
                (Some(id), _) if !id.is_empty() && !id.contains('/') => Self::Event(id.to_owned()),
                (_, Some(page)) if !page.is_empty() && !page.contains('/') => Self::Runbook(page.to_owned()),
                _ => return Err(Problem::new(404, "no-such-route", "there is no such route, see /openapi.json")),
            },
        })
    }

    /// The method, where the route has it.
    ///
    /// # Errors
    /// 405 with `Allow` where it has not.
    pub(crate) fn method(&self, name: &str) -> Result<Method, Problem> {
        match (self, name) {
            // HEAD is safe by definition, and this GET is not.
            (Self::Add, "HEAD") => Err(self.no_such_method()),
            (_, "GET" | "HEAD") => Ok(Method::Get),
            (Self::Events, "POST") => Ok(Method::Post),
            _ => Err(self.no_such_method()),
        }
    }

    fn no_such_method(&self) -> Problem {
        let allow = match self {
            Self::Events => "GET, HEAD, POST",
            Self::Add => "GET",
            _ => "GET, HEAD",
        };
        let detail = format!("this route has the methods {allow}");
        Problem::new(405, "no-such-method", detail).with_header("allow", allow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Response;

    #[test]
    fn an_unknown_path_is_not_found() {
        for path in ["", "/Add", "/add/", "/events/", "/events/1/2", "//", "/metrics/"] {
            assert_eq!(Response::from(Route::find(path).unwrap_err()).status, 404, "{path}");
        }
        assert_eq!(Route::find("/events/x").unwrap(), Route::Event("x".to_owned()));
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        assert_eq!(Route::Events.method("POST").unwrap(), Method::Post);
        assert_eq!(Route::Count.method("HEAD").unwrap(), Method::Get);
        let refused: Response = Route::Count.method("POST").unwrap_err().into();
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD")));
        let refused: Response = Route::Events.method("DELETE").unwrap_err().into();
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD, POST")));
        assert!(Route::Events.method("get").is_err());
        let refused: Response = Route::Add.method("HEAD").unwrap_err().into();
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET")));
    }
}
