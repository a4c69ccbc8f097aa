//! What HAProxy's `show stat` tells of the replicas, as its gateway sees them.

use std::collections::BTreeMap;

use super::configuration::service_of;

/// A replica as the gateway sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The service whose requests come here.
    pub service: String,
    /// The replica.
    pub replica: String,
    /// Whether it gets requests.
    pub up: bool,
    /// What the last check said, in HAProxy's words: `L7OK`, `L7STS`, `L4CON`, …; empty before the first.
    pub check: String,
    /// How long the last check took, in ms.
    pub check_ms: Option<u64>,
    /// Requests sent here since the gateway's start.
    pub requests: u64,
    /// Requests that wait for it.
    pub queue: u64,
    /// Attempts that were repeated since the gateway's start.
    pub retries: u64,
    /// Requests that went to another replica instead since the gateway's start.
    pub redispatches: u64,
    /// Seconds since it last went up or down.
    pub changed_s: u64,
}

/// The replicas in a table of `show stat`; lines that are none are left out.
pub fn servers(table: &str) -> Vec<Server> {
    let mut lines = table.lines();
    let Some(head) = lines.find_map(|line| line.strip_prefix("# ")) else { return Vec::new() };
    let names = fields(head);
    let server = |line: &str| {
        let values = fields(line);
        let row: BTreeMap<_, _> = names.iter().map(String::as_str).zip(values.iter().map(String::as_str)).collect();
        let text = |name: &str| row.get(name).copied().unwrap_or_default();
        let number = |name: &str| text(name).parse::<u64>().ok();
        let replica = text("svname");
        let service = service_of(text("pxname")).filter(|service| !service.is_empty())?;
        if matches!(replica, "FRONTEND" | "BACKEND" | "") {
            return None;
        }
        Some(Server {
            service: service.to_owned(),
            replica: replica.to_owned(),
            // "UP 1/2" is on its way down, and gets requests.
            up: text("status").starts_with("UP"),
            // A check that is under way right now is marked so.
            check: text("check_status").trim_start_matches("* ").to_owned(),
            check_ms: number("check_duration"),
            requests: number("stot").unwrap_or_default(),
            queue: number("qcur").unwrap_or_default(),
            retries: number("wretr").unwrap_or_default(),
            redispatches: number("wredis").unwrap_or_default(),
            changed_s: number("lastchg").unwrap_or_default(),
        })
    };
    lines.filter_map(server).collect()
}

/// The fields of a line, where one in quotes may hold commas.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => {
                if let Some(field) = fields.last_mut() {
                    field.push(c);
                }
            }
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_are_read_by_the_names_of_columns() {
        let table = "# pxname,svname,qcur,stot,status,lastchg,wretr,wredis,check_status,last_chk,check_duration,\n\
            service:shop,FRONTEND,,9,OPEN,,,,,,,\n\
            service:shop,shop-1,2,5,UP 1/2,7,1,3,* L7STS,\"Layer7, \"\"wrong\"\" status\",12,\n\
            service:shop,shop-2,0,4,DOWN,8,0,0,L4CON,,,\n\
            service:shop,BACKEND,0,9,UP,8,0,0,,,,\n\
            door:shop-1,shop-1,0,9,no check,8,0,0,,,,\n\
            service:,shop-3,0,9,UP,8,0,0,,,,\n\n";
        let one = Server {
            service: "shop".into(),
            replica: "shop-1".into(),
            up: true,
            check: "L7STS".into(),
            check_ms: Some(12),
            requests: 5,
            queue: 2,
            retries: 1,
            redispatches: 3,
            changed_s: 7,
        };
        let two = Server {
            replica: "shop-2".into(),
            up: false,
            check: "L4CON".into(),
            check_ms: None,
            requests: 4,
            queue: 0,
            retries: 0,
            redispatches: 0,
            changed_s: 8,
            ..one.clone()
        };
        assert_eq!(servers(table), [one, two]);
        assert_eq!(servers("Unknown command."), []);
    }
}
