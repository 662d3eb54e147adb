//! `fermyon:spin/sqlite`: one connection for each `open` of a guest, on the file behind the label.

mod connection;
mod setup;
mod value;

use std::path::Path;
use std::sync::Arc;

use wasmtime::component::Resource;

#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub use self::connection::Connection;
pub(crate) use self::setup::without_statistics;
use crate::bindings::fermyon::spin::sqlite::{Error, Host, HostConnection, QueryResult, Value};
use crate::state::State;

/// How many connections one instance may hold, as under Spin.
const MAX_CONNECTIONS: usize = 256;

/// A label that the component declared, and its file.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    /// The label.
    pub(crate) label: String,
    /// The file; it need not exist yet.
    pub(crate) file: Arc<Path>,
}

/// The database behind a label. A label that the component did not declare is denied, whether it exists or not.
fn find<'d>(declared: &'d [Database], label: &str) -> Result<&'d Database, Error> {
    declared.iter().find(|database| database.label == label).ok_or(Error::AccessDenied)
}

impl Host for State {}

impl HostConnection for State {
    fn open(&mut self, label: String) -> Result<Resource<Connection>, Error> {
        let database = find(&self.component.databases, &label)?;
        if self.open_connections == MAX_CONNECTIONS {
            return Err(Error::Io("too many connections opened".to_owned()));
        }
        // As under Spin the file is opened by the first statement, not here.
        let connection = Connection::new(database.file.clone(), self.deadline);
        let resource = self.table.push(connection).map_err(|error| Error::Io(error.to_string()))?;
        self.open_connections += 1;
        Ok(resource)
    }

    fn execute(
        &mut self,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Result<QueryResult, Error> {
        match self.table.get_mut(&connection) {
            Ok(connection) => connection.query(&statement, parameters, &mut self.memory),
            Err(_) => Err(Error::InvalidConnection),
        }
    }

    fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        self.open_connections -= 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_that_was_not_declared_is_denied() {
        let database = |label: &str| Database { label: label.to_owned(), file: Path::new("/a.db").into() };
        let declared = [database("default"), database("backups")];
        assert_eq!(find(&declared, "backups").unwrap().label, "backups");
        assert!(matches!(find(&declared, "other"), Err(Error::AccessDenied)));
        assert!(matches!(find(&[], "default"), Err(Error::AccessDenied)));
    }
}
