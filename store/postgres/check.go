package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/hookgate/hookgate/store"
)

// check makes sure that the server can hold a store: it can be written to, and takes
// any text.
func (d *Database) check(ctx context.Context) error {
	show := make(map[string]string)
	rows, err := d.writer.QueryContext(ctx, `SELECT name, setting FROM pg_settings WHERE name IN ('server_version_num', 'server_encoding', 'transaction_read_only', 'synchronous_commit', 'fsync', 'full_page_writes', 'synchronous_standby_names')`)
	if err != nil {
		return classify(err)
	}
	defer func() { _ = rows.Close() }() // its error is that of rows.Err
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return err
		}
		show[name] = value
	}
	if err := rows.Err(); err != nil {
		return classify(err)
	}
	var version int
	if _, err := fmt.Sscan(show["server_version_num"], &version); err != nil || version < oldest {
		return fmt.Errorf("the server's version is %s, and %d is the oldest that works", show["server_version_num"], oldest/10000)
	}
	if show["server_encoding"] != "UTF8" {
		return fmt.Errorf("the database's encoding is %s, and has to be UTF8: createdb -E UTF8 -T template0 …", show["server_encoding"])
	}
	if show["transaction_read_only"] == "on" {
		return fmt.Errorf("%w: the server is read-only: a standby? name all hosts and target_session_attrs=read-write in the connection string", store.ErrUnavailable)
	}
	d.warnings = weak(show)
	return nil
}

// Warnings says why the server may lose what is acknowledged, as it was set when it was
// last connected to.
func (d *Database) Warnings() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.warnings
}

// weak says what may lose acknowledged events, in sentences for people.
func weak(show map[string]string) (warnings []string) {
	switch level := show["synchronous_commit"]; level {
	case "on", "remote_apply":
	case "off":
		warnings = append(warnings, "synchronous_commit is off: events that were acknowledged in the last moment are lost if the server crashes")
	default: // local, remote_write: they differ from on with standbys alone
		if strings.TrimSpace(show["synchronous_standby_names"]) != "" {
			warnings = append(warnings, "synchronous_commit is "+level+": events that were acknowledged in the last moment are lost if a standby takes over")
		}
	}
	if show["fsync"] == "off" {
		warnings = append(warnings, "fsync is off: a power cut may lose acknowledged events, and damage the whole database")
	}
	if show["full_page_writes"] == "off" {
		warnings = append(warnings, "full_page_writes is off: a power cut may damage the database")
	}
	return warnings
}
