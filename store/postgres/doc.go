// Package postgres holds a store in a PostgreSQL database, which several gateways may
// share.
//
// Keys are a unique index: of two gateways that store an event at once, one waits for
// the other's commit and then finds a duplicate. Each gateway has a row in the table
// gateways with a lease, which one heartbeat renews by the database's clock; a delivery
// that a gateway is about to attempt bears its number. When a lease has run out, others
// take over what bears that number, and what the gateway finds out about a delivery
// that is another's by then is not written.
//
// A gateway has one connection that commits, one for the heartbeat, and a pool that
// reads and claims.
package postgres
