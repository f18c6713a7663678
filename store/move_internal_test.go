package store

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	created = regexp.MustCompile(`(?s)^CREATE TABLE (\w+) \((.*)\)`)
	altered = regexp.MustCompile(`^ALTER TABLE (\w+) ADD COLUMN (\w+)`)
)

// Every column of every table is moved: a migration that adds one fails this test until it
// is said what becomes of it.
func TestAllColumnsAreMoved(t *testing.T) {
	want := make(map[string][]string)
	for _, m := range migrations {
		for _, ddl := range m.SQL {
			if match := altered.FindStringSubmatch(ddl); match != nil {
				want[match[1]] = append(want[match[1]], match[2])
			}
			match := created.FindStringSubmatch(ddl)
			if match == nil {
				continue
			}
			for line := range strings.Lines(match[2]) {
				if name, _, _ := strings.Cut(strings.TrimSpace(line), " "); name != "" && name != "PRIMARY" {
					want[match[1]] = append(want[match[1]], name)
				}
			}
		}
	}
	if len(want) != 6 || len(want["events"]) < 12 {
		t.Fatalf("the tables cannot be told from the migrations: %v", want)
	}
	for _, table := range []*movedTable{&movedEvents, &movedPayloads, &movedDeliveries, &movedAttempts, &movedPauses, &movedJobs} {
		got := table.names()
		slices.Sort(got)
		slices.Sort(want[table.name])
		if !slices.Equal(got, want[table.name]) {
			t.Errorf("of %s are moved %v, and there are %v", table.name, got, want[table.name])
		}
		delete(want, table.name)
	}
	for name := range want {
		t.Errorf("%s is not moved", name)
	}
}

// A difference in any number of an inventory is told.
func TestInventoriesDiffer(t *testing.T) {
	full := func() *Inventory {
		i := &Inventory{States: map[string]map[State]int64{"source/a": {Pending: 1, Dead: 2}}}
		for k, q := range i.inquiries() {
			*q.into = int64(k + 1)
		}
		return i
	}
	all := full()
	if list := all.differences(full()); len(list) != 0 {
		t.Errorf("equal ones differ: %v", list)
	}
	for k, q := range all.inquiries() {
		other := full()
		*other.inquiries()[k].into += 10
		if list := all.differences(other); len(list) != 1 || !strings.HasPrefix(list[0], q.what+": ") {
			t.Errorf("%s: %v", q.what, list)
		}
	}
	for _, change := range []func(*Inventory){
		func(i *Inventory) { i.add("source/a", Dead, 1) },
		func(i *Inventory) { i.add("source/b", Delivered, 1) },
		func(i *Inventory) { delete(i.States, "source/a") },
	} {
		other := full()
		change(other)
		if there, back := all.differences(other), other.differences(all); len(there) == 0 || len(there) != len(back) {
			t.Errorf("%v differs in %v, and back in %v", other.States, there, back)
		}
	}
	if renamed := all.as(func(string) string { return "source/b" }); renamed.States["source/b"][Dead] != 2 || len(renamed.differences(all)) == 0 {
		t.Errorf("renamed: %v", renamed.States)
	}
}
