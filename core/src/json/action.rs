//! Actions: `{"action":"listen","candidates":[...]}`, and what stands in them.

use super::read::{FromJson, Reading};
use super::write::{ToJson, Writer};
use super::{object, transparent, words};
use crate::action::{
    Action, AwaitCallback, Begin, Delete, LeaseNumber, Listen, Load, Lock, Note, OpenUrl, Save, Unlock, WaitUntil,
};
use crate::http::{Body, FormField, Header, HttpRequest, Method};
use crate::lifecycle::record::{CredentialKey, LoginId, Version};
use crate::moment::{Millis, UnixMillis};
use crate::wire::json::Value;

object!(AwaitCallback { url, redirect_uri, deadline });
object!(Begin { login, stub });
object!(CredentialKey { provider, client_id, account });
object!(Delete { key, expected });
object!(FormField { name, value });
object!(Header { name, value });
object!(HttpRequest { method, url, headers, body, single_use, not_after, lease, deadline });
transparent!(LeaseNumber);
object!(Listen { candidates });
object!(Load { key });
object!(Lock { key, wait, hold });
transparent!(LoginId);
words!(Method { Delete = "DELETE", Get = "GET", Post = "POST" });
transparent!(Millis);
object!(Note { key, lease, ledger });
object!(OpenUrl { url });
object!(Save { key, expected, record });
transparent!(UnixMillis);
object!(Unlock { key, lease });
object!(Version { login_id, generation });
object!(WaitUntil { at, span });

impl ToJson for Action {
    fn to_json(&self, out: &mut Writer) {
        out.open('{');
        out.name("action");
        match self {
            Action::AwaitCallback(action) => {
                out.text("await_callback");
                action.write_members(out);
            }
            Action::Begin(action) => {
                out.text("begin");
                action.write_members(out);
            }
            Action::Delete(action) => {
                out.text("delete");
                action.write_members(out);
            }
            Action::Fetch(request) => {
                out.text("fetch");
                request.write_members(out);
            }
            Action::Listen(action) => {
                out.text("listen");
                action.write_members(out);
            }
            Action::Load(action) => {
                out.text("load");
                action.write_members(out);
            }
            Action::Lock(action) => {
                out.text("lock");
                action.write_members(out);
            }
            Action::Note(action) => {
                out.text("note");
                action.write_members(out);
            }
            Action::OpenUrl(action) => {
                out.text("open_url");
                action.write_members(out);
            }
            Action::PostForm(request) => {
                out.text("post_form");
                request.write_members(out);
            }
            Action::Save(action) => {
                out.text("save");
                action.write_members(out);
            }
            Action::Unlock(action) => {
                out.text("unlock");
                action.write_members(out);
            }
            Action::WaitUntil(action) => {
                out.text("wait_until");
                action.write_members(out);
            }
        }
        out.close('}');
    }
}

impl ToJson for Body {
    fn to_json(&self, out: &mut Writer) {
        match self {
            Body::Empty => out.text("empty"),
            Body::Form(fields) => out.only_member("form", fields),
            Body::Json(text) => out.only_member("json", text),
        }
    }
}

impl FromJson for Body {
    fn from_json(value: Option<&Value<'_>>, reading: &mut Reading<'_>) -> Self {
        let (at, value) = reading.variant(value, "empty form json");
        match at {
            0 => Body::Empty,
            1 => Body::Form(FromJson::from_json(value.as_ref(), reading)),
            _ => Body::Json(FromJson::from_json(value.as_ref(), reading)),
        }
    }
}
