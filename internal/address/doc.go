// Package address says where a server is and how one logs in there.
//
// # What it is
//
// A Target is what a url such as redis://host:port, rediss://host:port or unix:///path says; Dial connects to it, with
// TLS where the url wants it. A Login is the user, the password and the certificates.
//
// # Where it sits
//
// Below everything that connects to a Redis protocol: the client, the syncers, the door, the topology file. It imports
// nothing of ours.
//
// # Invariants
//
// No error repeats a secret, and no secret comes from a url. A server's certificate is always checked.
//
// # What it does not do
//
// It speaks no protocol: who has the connection sends the password.
package address
