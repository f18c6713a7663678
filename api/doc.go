// Package api speaks the wire format of Svix over package sender, so that the
// official Svix SDKs drive this gateway as they are: /api/v1/…, JSON both ways,
// errors of their shape, tokens as bearers.
//
// One table of routes is the whole surface. A row says what an operation is called,
// where it is, whose tokens may use it, and which Go types are its body and its
// answer; what is served, the OpenAPI document and the tests of access are made from
// it. What a row does is a function of a call; if it changes something, of the
// store's transaction, too, so that the record of its Idempotency-Key is written with
// the change or not at all.
//
// Tokens are JSON Web Tokens, signed with keys that are derived from the key
// directive. Each can be revoked by its id, and those of an application all at once.
//
// The package imports sender and store. It checks who may do what; what the things
// mean is package sender's.
package api
