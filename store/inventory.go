package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Inventory is what a store holds, counted by reading all of it.
type Inventory struct {
	// The rows of each table.
	Events, Payloads, Deliveries, Attempts, Pauses, Jobs int64
	// Bytes is the length of all payloads, heads and bodies.
	Bytes int64
	// Others is how many rows each table has that another package keeps.
	Others map[string]int64
	// States is how many deliveries of each destination are in each state.
	States map[string]map[State]int64

	keys, sizes, sums, responses, marks int64 // only compared
}

// inquiry is one number of an inventory, and how it is asked for.
type inquiry struct {
	what  string
	query string
	into  *int64
}

func (i *Inventory) inquiries() []inquiry {
	return []inquiry{
		{"events", "SELECT COUNT(*) FROM events", &i.Events},
		{"keys", "SELECT COUNT(*) FROM events WHERE place IS NOT NULL AND body IS NOT NULL", &i.keys},
		{"sizes", "SELECT CAST(SUM(size) AS BIGINT) FROM events", &i.sizes},
		{"payloads", "SELECT COUNT(*) FROM payloads", &i.Payloads},
		{"bytes", "SELECT CAST(SUM(length(head) + length(body)) AS BIGINT) FROM payloads", &i.Bytes},
		{"checksums", "SELECT CAST(SUM(sum) AS BIGINT) FROM payloads", &i.sums},
		{"deliveries", "SELECT COUNT(*) FROM deliveries", &i.Deliveries},
		{"attempts", "SELECT COUNT(*) FROM attempts", &i.Attempts},
		{"bytes of responses", "SELECT CAST(SUM(length(response)) AS BIGINT) FROM attempts", &i.responses},
		{"pauses", "SELECT COUNT(*) FROM pauses", &i.Pauses},
		{"jobs", "SELECT COUNT(*) FROM jobs", &i.Jobs},
		{"progress of jobs", "SELECT CAST(SUM(done + skipped) AS BIGINT) FROM jobs", &i.marks},
	}
}

const statesQuery = `SELECT destination, state, COUNT(*) FROM deliveries GROUP BY destination, state`

// ask runs a query of the common SQL without parameters.
type ask func(ctx context.Context, query string, row func(scan func(...any) error) error) error

// one asks for one number.
func (a ask) one(ctx context.Context, query, what string) (n int64, err error) {
	err = a(ctx, query, func(scan func(...any) error) error {
		var value *int64 // of no rows the sum is NULL
		if err := scan(&value); err != nil || value == nil {
			return err
		}
		n = *value
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("counting %s: %w", what, err)
	}
	return n, nil
}

// takeInventory counts, other packages' tables among what there is.
func takeInventory(ctx context.Context, others []string, ask ask) (_ *Inventory, err error) {
	i := &Inventory{States: make(map[string]map[State]int64), Others: make(map[string]int64)}
	for _, q := range i.inquiries() {
		if *q.into, err = ask.one(ctx, q.query, q.what); err != nil {
			return nil, err
		}
	}
	for _, table := range others {
		if i.Others[table], err = ask.one(ctx, "SELECT COUNT(*) FROM "+table, table); err != nil {
			return nil, err
		}
	}
	err = ask(ctx, statesQuery, func(scan func(...any) error) error {
		var destination string
		var state State
		var n int64
		if err := scan(&destination, &state, &n); err != nil {
			return err
		}
		i.add(destination, state, n)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("counting states: %w", err)
	}
	return i, nil
}

func (i *Inventory) add(destination string, state State, n int64) {
	if i.States[destination] == nil {
		i.States[destination] = make(map[State]int64)
	}
	i.States[destination][state] += n
}

// as returns the inventory with destinations named as a database takes them.
func (i *Inventory) as(text func(string) string) *Inventory {
	named := *i
	named.States = make(map[string]map[State]int64)
	for destination, states := range i.States {
		for state, n := range states {
			named.add(text(destination), state, n)
		}
	}
	return &named
}

// In returns how many deliveries are in a state.
func (i *Inventory) In(state State) (n int64) {
	for _, states := range i.States {
		n += states[state]
	}
	return n
}

// differences says what another inventory has otherwise.
func (i *Inventory) differences(other *Inventory) (list []string) {
	differ := func(what string, n, m int64) {
		if n != m {
			list = append(list, what+": "+strconv.FormatInt(n, 10)+" became "+strconv.FormatInt(m, 10))
		}
	}
	theirs := other.inquiries()
	for k, q := range i.inquiries() {
		differ(q.what, *q.into, *theirs[k].into)
	}
	for _, table := range slices.Sorted(maps.Keys(i.Others)) {
		differ(table, i.Others[table], other.Others[table])
	}
	names := slices.AppendSeq(slices.Collect(maps.Keys(i.States)), maps.Keys(other.States))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		for state := Pending; state <= IgnoredState; state++ {
			differ(name+" "+state.String(), i.States[name][state], other.States[name][state])
		}
	}
	return list
}
