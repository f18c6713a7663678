package sender

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hookgate/hookgate/store"
)

// EventTypeFilter says which event types are listed.
type EventTypeFilter struct {
	Page // they are in the order of their names, whatever it says
	// Archived lists archived ones, too.
	Archived bool
	// Flags are the feature flags of who asks: what has some, of which none is among
	// these, is left out. Nil lists all.
	Flags *[]string
	// WithContent asks for the schemas.
	WithContent bool
}

// VisibleTo reports whether somebody with these feature flags may see an event type.
func (t *EventType) VisibleTo(flags []string) bool {
	return len(t.FeatureFlags) == 0 || slices.ContainsFunc(t.FeatureFlags, func(flag string) bool { return slices.Contains(flags, flag) })
}

// check checks what an event type is made of.
func (in *EventTypeIn) check() error {
	if string(bytes.TrimSpace(in.Schemas)) == "null" {
		in.Schemas = nil
	}
	if len(in.FeatureFlags) == 0 {
		in.FeatureFlags = nil
	}
	err := firstOf(
		checkEventType("name", in.Name),
		checkText("description", in.Description, 0, maxDescription),
		checkNames("featureFlags", in.FeatureFlags),
		checkSchemas(in.Schemas),
	)
	if err == nil && in.GroupName != "" {
		err = checkEventType("groupName", in.GroupName)
	}
	return err
}

// CreateEventType makes an event type. An archived one of that name is made anew; if
// there is another the error is a [ConflictError].
func (s *Sender) CreateEventType(tx *store.Tx, in EventTypeIn) (EventType, error) {
	if err := in.check(); err != nil {
		return EventType{}, err
	}
	t, found, err := findEventType(tx.Query, in.Name)
	if err != nil {
		return EventType{}, err
	}
	if found && !t.Archived {
		return EventType{}, &ConflictError{Code: CodeEventTypeExists, Detail: "An event type with the name " + in.Name + " already exists"}
	}
	return s.saveEventType(tx, t, &in)
}

// PutEventType makes an event type what in says, and the event type itself if there is
// none of that name.
func (s *Sender) PutEventType(tx *store.Tx, name string, in EventTypeIn) (t EventType, created bool, err error) {
	in.Name = name
	if err := in.check(); err != nil {
		return EventType{}, false, err
	}
	t, found, err := findEventType(tx.Query, name)
	if err != nil {
		return EventType{}, false, err
	}
	t, err = s.saveEventType(tx, t, &in)
	return t, !found && err == nil, err
}

// PatchEventType changes some of an event type.
func (s *Sender) PatchEventType(tx *store.Tx, name string, p EventTypePatch) (EventType, error) {
	t, err := eventType(tx.Query, name)
	if err != nil {
		return EventType{}, err
	}
	in := EventTypeIn{
		Name: t.Name, Description: or(p.Description, t.Description), GroupName: p.GroupName.or(t.GroupName),
		Archived: or(p.Archived, t.Archived), Deprecated: or(p.Deprecated, t.Deprecated),
		Schemas: p.Schemas.or(t.Schemas), FeatureFlags: p.FeatureFlags.or(t.FeatureFlags),
	}
	if err := in.check(); err != nil {
		return EventType{}, err
	}
	return s.saveEventType(tx, t, &in)
}

// saveEventType makes an event type what in says; t is how it was, or zero.
func (s *Sender) saveEventType(tx *store.Tx, t EventType, in *EventTypeIn) (EventType, error) {
	if t.Created.IsZero() {
		t.Created = now(tx)
	}
	t.Name, t.Description, t.GroupName, t.Archived, t.Deprecated = in.Name, in.Description, in.GroupName, in.Archived, in.Deprecated
	t.Schemas, t.FeatureFlags, t.Updated = in.Schemas, in.FeatureFlags, now(tx)
	_, err := tx.Exec(`INSERT INTO sender_event_types (name, description, grouped, archived, deprecated, schemas, flags, created, updated)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET description = excluded.description, grouped = excluded.grouped,
archived = excluded.archived, deprecated = excluded.deprecated, schemas = excluded.schemas, flags = excluded.flags,
created = excluded.created, updated = excluded.updated`,
		t.Name, t.Description, t.GroupName, number(t.Archived), number(t.Deprecated), string(t.Schemas), joined(t.FeatureFlags), millis(t.Created), millis(t.Updated))
	if err != nil {
		return EventType{}, fmt.Errorf("writing an event type: %w", err)
	}
	return t, nil
}

// DeleteEventType archives an event type, or with expunge deletes it.
func (s *Sender) DeleteEventType(tx *store.Tx, name string, expunge bool) error {
	query, args := "UPDATE sender_event_types SET archived = 1, updated = ? WHERE name = ?", []any{millis(tx.Now), name}
	if expunge {
		query, args = "DELETE FROM sender_event_types WHERE name = ?", []any{name}
	}
	n, err := tx.Exec(query, args...)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("event type %w", err)
	}
	return nil
}

// EventType returns an event type.
func (s *Sender) EventType(ctx context.Context, name string) (EventType, error) {
	return eventType(s.reading(ctx), name)
}

// errEnough ends a query early.
var errEnough = errors.New("enough")

// EventTypes returns a page of the event types, by name.
func (s *Sender) EventTypes(ctx context.Context, f EventTypeFilter) (List[EventType], error) {
	f.Ascending = true
	c, err := f.read(func(name string) bool { return checkEventType("", name) == nil })
	if err != nil {
		return List[EventType]{}, err
	}
	condition, order, args := c.sql("name")
	if !f.Archived {
		condition += " AND archived = 0"
	}
	order = strings.TrimSuffix(order, " LIMIT ?") // flags are not in the query
	columns := eventTypeColumns
	if !f.WithContent {
		columns = strings.Replace(columns, "schemas", "''", 1)
	}
	var types []EventType
	err = s.reading(ctx)("SELECT "+columns+" FROM sender_event_types WHERE 1 = 1"+condition+order, args[:len(args)-1], func(scan func(...any) error) error {
		t, err := scanEventType(scan)
		if err != nil || f.Flags != nil && !t.VisibleTo(*f.Flags) {
			return err
		}
		if types = append(types, t); len(types) > c.limit {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return List[EventType]{}, fmt.Errorf("listing event types: %w", err)
	}
	return listOf(c, types, func(t *EventType) string { return t.Name }), nil
}

const eventTypeColumns = "name, description, grouped, archived, deprecated, schemas, flags, created, updated"

func scanEventType(scan func(...any) error) (t EventType, err error) {
	var archived, deprecated int
	var schemas, flags string
	var created, updated int64
	err = scan(&t.Name, &t.Description, &t.GroupName, &archived, &deprecated, &schemas, &flags, &created, &updated)
	t.Archived, t.Deprecated, t.FeatureFlags = archived != 0, deprecated != 0, split(flags)
	t.Created, t.Updated = moment(created), moment(updated)
	if schemas != "" {
		t.Schemas = json.RawMessage(schemas)
	}
	return t, err
}

// findEventType returns an event type, if there is one of that name.
func findEventType(q rows, name string) (t EventType, found bool, err error) {
	err = q("SELECT "+eventTypeColumns+" FROM sender_event_types WHERE name = ?", []any{name}, func(scan func(...any) error) (err error) {
		found = true
		t, err = scanEventType(scan)
		return err
	})
	if err != nil {
		return EventType{}, false, fmt.Errorf("reading an event type: %w", err)
	}
	return t, found, nil
}

// eventType is findEventType of one that there has to be.
func eventType(q rows, name string) (EventType, error) {
	t, found, err := findEventType(q, name)
	if err == nil && !found {
		err = fmt.Errorf("event type %w", ErrNotFound)
	}
	return t, err
}

// knownEventTypes checks that there are the event types that an endpoint selects.
func knownEventTypes(tx *store.Tx, names []string) error {
	var unknown []string
	for _, name := range names {
		_, found, err := findEventType(tx.Query, name)
		if err != nil {
			return err
		}
		if !found {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return invalid("eventTypes", "The following event types don't exist: %s", strings.Join(unknown, ", "))
	}
	return nil
}
