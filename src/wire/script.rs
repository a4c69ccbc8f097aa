//! JSON as the browser's own script reads it, which spares the page a reader of its own.

use js_sys::{Array, JSON, Object};
use serde::de::Error;
use wasm_bindgen::{JsCast, JsValue};

use super::lean::{Json, Mismatch};

/// Reads JSON.
pub(super) fn parse(json: &str) -> Result<Json, Mismatch> {
    JSON::parse(json).map(|value| part(&value)).map_err(|_| Mismatch::custom("this is not JSON"))
}

fn part(value: &JsValue) -> Json {
    if let Some(text) = value.as_string() {
        Json::Text(text)
    } else if let Some(number) = value.as_f64() {
        Json::Number(number)
    } else if let Some(value) = value.as_bool() {
        Json::Bool(value)
    } else if let Some(items) = value.dyn_ref::<Array>() {
        Json::List(items.iter().map(|item| part(&item)).collect())
    } else if value.is_object() {
        let members = Object::entries(value.unchecked_ref());
        let member = |member: JsValue| {
            let member: Array = member.unchecked_into();
            (member.get(0).as_string().unwrap_or_default(), part(&member.get(1)))
        };
        Json::Object(members.iter().map(member).collect())
    } else {
        Json::Null
    }
}
