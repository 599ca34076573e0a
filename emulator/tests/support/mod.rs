//! A client that shows bytes: raw HTTP/1.1 over a socket, so that tests see what SDKs would, and nothing helps them.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// An answer as it came over the wire; `body` without chunk framing.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().filter_map(|line| line.split_once(": ")).find(|(key, _)| *key == name).map(|(_, value)| value)
    }
}

/// Sends one request on a connection of its own. `Err` holds what came when the connection ended early.
pub fn send(
    address: SocketAddr,
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Answer, Vec<u8>> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut request = format!("{method} {url} HTTP/1.1\r\nHost: emulator\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    request.push_str("\r\n");
    request.push_str(body);
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    let ended = stream.read_to_end(&mut bytes);
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Err(bytes) };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let body = bytes[end + 4..].to_vec();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).and_then(|text| text.parse().ok());
    if ended.is_err() || length.is_some_and(|length: usize| length != body.len()) {
        return Err(body);
    }
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok(Answer { status, head, body })
}

/// As an SDK gets: with a key.
pub fn get(address: SocketAddr, url: &str) -> Answer {
    send(address, "GET", url, &[("Authorization", "Bearer key")], "").unwrap()
}

/// As an SDK posts.
pub fn post(address: SocketAddr, url: &str, body: &str) -> Answer {
    let headers = [("Authorization", "Bearer key"), ("Content-Type", "application/json")];
    send(address, "POST", url, &headers, body).unwrap()
}

/// Over the control API, without a key. Panics unless it is accepted.
pub fn control(address: SocketAddr, method: &str, url: &str, body: &str) -> Value {
    let answer = send(address, method, url, &[], body).unwrap();
    assert_eq!(answer.status, 200, "{method} {url} {body}: {}", answer.json());
    answer.json()
}
