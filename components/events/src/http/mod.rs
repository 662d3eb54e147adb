//! HTTP without a server: what a request is, what an answer is, which routes there are.

mod accept;
mod origin;
mod problem;
mod query;
mod request;
mod response;
mod routes;

pub(crate) use accept::prefers_html;
pub(crate) use origin::{json_body, same_site};
pub(crate) use problem::Problem;
pub(crate) use query::Query;
pub use request::Request;
pub use response::Response;
pub(crate) use routes::{Method, Route};
