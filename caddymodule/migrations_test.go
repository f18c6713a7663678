package caddymodule

import (
	"regexp"
	"slices"
	"testing"
)

// TestMigrationsNameTheirTables: what a migration makes and does not name, webhook migrate
// would leave behind, such as the tokens that were revoked.
func TestMigrationsNameTheirTables(t *testing.T) {
	made := regexp.MustCompile(`^\s*CREATE TABLE (\w+)`)
	for _, m := range migrations() {
		var tables []string
		for _, statement := range m.SQL {
			if found := made.FindStringSubmatch(statement); found != nil {
				tables = append(tables, found[1])
			}
		}
		if !slices.Equal(tables, m.Tables) {
			t.Errorf("%s %d makes %v, and names %v", m.Component, m.Version, tables, m.Tables)
		}
	}
}
