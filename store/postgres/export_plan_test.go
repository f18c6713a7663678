package postgres

import "github.com/jackc/pgx/v5"

// Trace shows every statement of the connections to come.
func (d *Database) Trace(tracer pgx.QueryTracer) {
	config := d.config.Load().Copy()
	config.ConnConfig.Tracer = tracer
	d.config.Store(config)
}
