//! The glue to Spin: WASI HTTP in and out, SQLite, variables.

use std::pin::pin;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt as _;
use spin_sdk::http::{Fields, IncomingRequest, Method, OutgoingResponse, ResponseOutparam};
use spin_sdk::{http_component, sqlite, variables};

use crate::app::{self, Step};
use crate::http::{Request, Response};
use crate::platform::{Connection, Param, Platform, Row, SqlError, Value};

#[http_component]
async fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
    let spin = Spin { start: Instant::now() };
    let response = match app::begin(&spin, &head(&incoming)) {
        Step::Answer(response) => response,
        Step::Body(upload) => receive(&spin, upload, incoming).await,
    };
    if response.status >= 500 {
        eprintln!("{} {}", response.status, String::from_utf8_lossy(&response.body));
    }
    send(response, out).await;
}

fn head(incoming: &IncomingRequest) -> Request {
    Request {
        method: method(incoming.method()),
        target: incoming.path_with_query().unwrap_or_else(|| "/".to_owned()),
        authority: incoming.authority(),
        headers: incoming.headers().entries(),
    }
}

fn method(method: Method) -> String {
    let name = match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(name) => return name,
    };
    name.to_owned()
}

/// Reads the body as it comes, and no further than it is wanted.
async fn receive(spin: &Spin, mut upload: app::Upload, incoming: IncomingRequest) -> Response {
    let mut pieces = pin!(incoming.into_body_stream());
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(piece) => {
                if let Err(response) = upload.push(&piece) {
                    return *response;
                }
            }
            // What the host says of it is its debug text, which may hold a stack backtrace.
            Err(_debug_text) => return upload.cut_off(),
        }
    }
    upload.finish(spin)
}

async fn send(response: Response, out: ResponseOutparam) {
    let headers: Vec<_> =
        response.headers.into_iter().map(|(name, value)| (name.to_owned(), value.into_bytes())).collect();
    let fields = match Fields::from_list(&headers) {
        Ok(fields) => fields,
        Err(error) => {
            eprintln!("failed to set the headers: {error}");
            Fields::new()
        }
    };
    let outgoing = OutgoingResponse::new(fields);
    if outgoing.set_status_code(response.status).is_err() {
        eprintln!("failed to set the status {}", response.status);
    }
    if let Err(error) = out.set_with_body(outgoing, response.body).await {
        // The client has disconnected; its request is completed anyway.
        eprintln!("failed to send the answer: {error}");
    }
}

/// Spin, as the application sees it.
struct Spin {
    start: Instant,
}

impl Platform for Spin {
    type Connection = SpinConnection;

    fn open(&self, label: &str) -> Result<Self::Connection, SqlError> {
        sqlite::Connection::open(label).map(SpinConnection).map_err(sql_error)
    }

    #[expect(clippy::disallowed_methods, reason = "the component has no other clock; what is below takes the instant")]
    fn now_ms(&self) -> i64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, pause: Duration) {
        std::thread::sleep(pause);
    }

    fn variable(&self, name: &str) -> Result<String, String> {
        variables::get(name).map_err(|error| format!("failed to read the variable '{name}': {error}"))
    }
}

struct SpinConnection(sqlite::Connection);

impl Connection for SpinConnection {
    fn execute(&self, statement: &'static str, parameters: &[Param<'_>]) -> Result<Vec<Row>, SqlError> {
        let parameters: Vec<_> = parameters.iter().map(to_spin).collect();
        let result = self.0.execute(statement, &parameters).map_err(sql_error)?;
        Ok(result.rows.into_iter().map(|row| row.values.into_iter().map(from_spin).collect()).collect())
    }
}

fn to_spin(parameter: &Param<'_>) -> sqlite::Value {
    match *parameter {
        Param::Null => sqlite::Value::Null,
        Param::Integer(number) => sqlite::Value::Integer(number),
        Param::Text(text) => sqlite::Value::Text(text.to_owned()),
        Param::Blob(bytes) => sqlite::Value::Blob(bytes.to_owned()),
    }
}

fn from_spin(value: sqlite::Value) -> Value {
    match value {
        sqlite::Value::Null => Value::Null,
        sqlite::Value::Integer(number) => Value::Integer(number),
        sqlite::Value::Real(number) => Value::Real(number),
        sqlite::Value::Text(text) => Value::Blob(text.into_bytes()),
        sqlite::Value::Blob(bytes) => Value::Blob(bytes),
    }
}

fn sql_error(error: sqlite::Error) -> SqlError {
    match error {
        sqlite::Error::Io(message) => SqlError::from_message(message),
        sqlite::Error::NoSuchDatabase => SqlError::Other("this database is not configured".to_owned()),
        sqlite::Error::AccessDenied => SqlError::Other("access to this database is denied".to_owned()),
        sqlite::Error::InvalidConnection => SqlError::Other("the connection is not valid".to_owned()),
        sqlite::Error::DatabaseFull => SqlError::Other("the database is full".to_owned()),
    }
}
