//! `GET /openapi.json`: the description of the API.

/// The document, as it is served.
pub(crate) const DOCUMENT: &str = include_str!("openapi.json");

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::DOCUMENT;
    use crate::http::{Response, Route};
    use crate::limits;

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).unwrap()
    }

    #[test]
    fn the_document_has_the_limits_of_the_code() {
        let document = document();
        let at = |pointer: &str| document.pointer(pointer).unwrap().clone();
        assert_eq!(at("/components/schemas/NewEvent/properties/message/maxLength"), limits::MESSAGE_CHARACTERS);
        assert_eq!(at("/paths/~1add/get/parameters/0/schema/maxLength"), limits::URL_MESSAGE_CHARACTERS);
        assert_eq!(at("/components/parameters/IdempotencyKey/schema/maxLength"), limits::KEY_CHARACTERS);
        let post = "/paths/~1events/post/requestBody";
        assert_eq!(at(&format!("{post}/content/application~1json/schema/oneOf/1/maxItems")), limits::BATCH_EVENTS);
        assert_eq!(at(&format!("{post}/description")), format!("At most {} bytes", limits::BODY_BYTES));
        let list = "/paths/~1events/get";
        assert_eq!(at(&format!("{list}/parameters/1/schema/maximum")), limits::PAGE_EVENTS_MAX);
        assert_eq!(at(&format!("{list}/parameters/1/schema/default")), limits::PAGE_EVENTS_DEFAULT);
        let consultation = "/paths/~1consultation/get/responses/200/content/application~1json/schema/maxItems";
        assert_eq!(at(consultation), limits::CONSULTATION_EVENTS);
        let recovery = "/components/schemas/Recovery/properties";
        assert_eq!(at(&format!("{recovery}/backups/maxItems")), limits::RECOVERY_BACKUPS);
        assert_eq!(at(&format!("{recovery}/rehearsals/maxItems")), limits::RECOVERY_REHEARSALS);
        assert_eq!(at(&format!("{recovery}/drills/maxItems")), limits::RECOVERY_DRILLS);
        let metrics = "/paths/~1metrics/get/responses/200/content";
        assert!(at(metrics).get(pra_metrics::CONTENT_TYPE).is_some());
    }

    #[test]
    fn the_document_has_the_routes_and_methods_of_the_code() {
        let document = document();
        for (path, methods) in document["paths"].as_object().unwrap() {
            let route = Route::find(&path.replace("{id}", "1")).unwrap();
            for name in ["get", "post", "put", "patch", "delete", "options", "trace"] {
                let exists = route.method(&name.to_uppercase()).is_ok();
                assert_eq!(methods.get(name).is_some(), exists, "{name} {path}");
            }
        }
        assert_eq!(document["paths"].as_object().unwrap().len(), 13);
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn check(document: &Value, value: &Value) {
            match value {
                Value::Object(map) => map.iter().for_each(|(key, value)| match (key.as_str(), value) {
                    ("$ref", Value::String(to)) => {
                        assert!(document.pointer(to.strip_prefix('#').unwrap()).is_some(), "{to}")
                    }
                    _ => check(document, value),
                }),
                Value::Array(values) => values.iter().for_each(|value| check(document, value)),
                _ => {}
            }
        }
        check(&document(), &document());
    }

    #[test]
    fn every_problem_code_of_the_code_is_documented() {
        let codes = document().pointer("/components/schemas/Problem/properties/code/enum").unwrap().clone();
        let refused = [Route::find("/x").map(|_| ()), Route::Count.method("POST").map(|_| ())];
        for problem in refused.into_iter().filter_map(Result::err) {
            let body: Value = serde_json::from_slice(&Response::from(problem).body).unwrap();
            assert!(codes.as_array().unwrap().contains(&body["code"]), "{body}");
        }
    }
}
