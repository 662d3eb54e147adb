//! Which component answers which path.

/// A trigger's route: exact (`/health`) or everything below a prefix (`/api/...`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    raw: String,
    prefix: String,
    below: bool,
}

impl Route {
    /// Reads a route as the manifest has it.
    ///
    /// # Errors
    /// What is wrong with it, or that the host does not support it, in words.
    pub(crate) fn parse(raw: &str) -> Result<Self, String> {
        if !raw.starts_with('/') {
            return Err(format!("route {raw:?} does not begin with \"/\""));
        }
        let (prefix, below) = match raw.strip_suffix("/...") {
            Some(prefix) => (prefix, true),
            None => (raw, false),
        };
        if prefix.contains("/:") || prefix.contains("...") {
            return Err(format!("host does not support wildcards inside a route ({raw:?}): run it under spin"));
        }
        Ok(Self { raw: raw.to_owned(), prefix: prefix.trim_end_matches('/').to_owned(), below })
    }

    /// The route as written.
    pub(crate) fn raw(&self) -> &str {
        &self.raw
    }

    /// The route without its wildcard.
    pub(crate) fn prefix(&self) -> &str {
        if self.prefix.is_empty() && !self.below { "/" } else { &self.prefix }
    }

    /// What of the path lies below the route; `None` if it does not match.
    pub(crate) fn matches<'p>(&self, path: &'p str) -> Option<&'p str> {
        let rest = path.strip_prefix(self.prefix.as_str())?;
        match self.below {
            true if rest.is_empty() || rest.starts_with('/') => Some(rest),
            false if rest.is_empty() || rest == "/" => Some(""),
            _ => None,
        }
    }

    /// Orders routes so that the first match is the best one: long before short, exact before wildcard.
    pub(crate) fn rank(&self) -> (std::cmp::Reverse<usize>, bool) {
        (std::cmp::Reverse(self.prefix.len()), self.below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(route: &str, path: &str) -> Option<String> {
        Route::parse(route).unwrap().matches(path).map(str::to_owned)
    }

    #[test]
    fn a_wildcard_route_matches_its_prefix_and_all_below() {
        assert_eq!(matched("/...", "/").as_deref(), Some("/"));
        assert_eq!(matched("/...", "/a/b").as_deref(), Some("/a/b"));
        assert_eq!(matched("/api/...", "/api").as_deref(), Some(""));
        assert_eq!(matched("/api/...", "/api/v1").as_deref(), Some("/v1"));
        assert_eq!(matched("/api/...", "/apis"), None);
    }

    #[test]
    fn an_exact_route_matches_itself_only() {
        assert_eq!(matched("/health", "/health").as_deref(), Some(""));
        assert_eq!(matched("/health", "/health/x"), None);
        assert_eq!(matched("/", "/").as_deref(), Some(""));
        assert_eq!(matched("/", "/a"), None);
    }

    #[test]
    fn the_longest_route_is_tried_first_and_exact_before_wildcard() {
        let mut routes: Vec<_> = ["/...", "/a", "/a/...", "/a/b/..."].map(|raw| Route::parse(raw).unwrap()).into();
        routes.sort_by_key(Route::rank);
        assert_eq!(routes.iter().map(Route::raw).collect::<Vec<_>>(), ["/a/b/...", "/a", "/a/...", "/..."]);
    }

    #[test]
    fn named_wildcards_are_refused_by_name() {
        assert!(Route::parse("/user/:id").unwrap_err().contains("host does not support wildcards inside a route"));
        assert!(Route::parse("health").unwrap_err().contains("does not begin with"));
    }
}
