package sender

import (
	"context"
	"fmt"

	"github.com/hookgate/hookgate/store"
)

// check checks what an application is made of.
func (in *ApplicationIn) check() error {
	return firstOf(
		checkText("name", in.Name, 1, maxDescription),
		checkUID("uid", in.UID, prefixApplication),
		checkRate("throttleRate", in.RateLimit),
		checkMetadata(in.Metadata),
	)
}

// apply makes an application what in says.
func (in *ApplicationIn) apply(to *Application) {
	to.Name, to.UID, to.RateLimit, to.Metadata = in.Name, in.UID, in.RateLimit, in.Metadata
	if to.Metadata == nil {
		to.Metadata = map[string]string{}
	}
}

// CreateApplication makes an application. If its uid is taken the error is a
// [ConflictError].
func (s *Sender) CreateApplication(tx *store.Tx, in ApplicationIn) (Application, error) {
	if err := in.check(); err != nil {
		return Application{}, err
	}
	app := Application{ID: newID(prefixApplication, tx.Now), Created: now(tx), Updated: now(tx)}
	in.apply(&app)
	n, err := tx.Exec(`INSERT INTO sender_applications (id, uid, name, rate, metadata, created, updated)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		app.ID, app.UID, app.Name, app.RateLimit, object(app.Metadata), millis(app.Created), millis(app.Updated))
	if err != nil {
		return Application{}, fmt.Errorf("making an application: %w", err)
	}
	if n == 0 {
		return Application{}, uidTaken("application", app.UID)
	}
	return app, nil
}

func uidTaken(what, uid string) error {
	return &ConflictError{Code: CodeConflict, Detail: fmt.Sprintf("There is an %s with the uid %s already", what, uid)}
}

// EnsureApplication returns the application with a uid as it is, or makes it if there is
// none.
func (s *Sender) EnsureApplication(tx *store.Tx, in ApplicationIn) (app Application, created bool, err error) {
	if err := in.check(); err != nil {
		return Application{}, false, err
	}
	if in.UID != "" {
		app, found, err := findApplication(tx.Query, in.UID)
		if err != nil || found {
			return app, false, err
		}
	}
	app, err = s.CreateApplication(tx, in)
	return app, err == nil, err
}

// PutApplication makes an application what in says, and the application itself if there
// is none of that id or uid. Its uid is the one in says.
func (s *Sender) PutApplication(tx *store.Tx, ref string, in ApplicationIn) (app Application, created bool, err error) {
	if err := in.check(); err != nil {
		return Application{}, false, err
	}
	app, found, err := findApplication(tx.Query, ref)
	if err != nil {
		return Application{}, false, err
	}
	if !found {
		app, err = s.CreateApplication(tx, in)
		return app, err == nil, err
	}
	before := app
	in.apply(&app)
	return app, false, s.saveApplication(tx, &before, &app)
}

// PatchApplication changes some of an application.
func (s *Sender) PatchApplication(tx *store.Tx, ref string, p ApplicationPatch) (Application, error) {
	app, err := application(tx.Query, ref)
	if err != nil {
		return Application{}, err
	}
	in := ApplicationIn{
		Name: or(p.Name, app.Name), UID: p.UID.or(app.UID),
		RateLimit: p.RateLimit.or(app.RateLimit), Metadata: or(p.Metadata, app.Metadata),
	}
	if err := in.check(); err != nil {
		return Application{}, err
	}
	before := app
	in.apply(&app)
	return app, s.saveApplication(tx, &before, &app)
}

// saveApplication writes a changed application.
func (s *Sender) saveApplication(tx *store.Tx, before, app *Application) error {
	if app.UID != "" && app.UID != before.UID {
		if _, taken, err := findApplication(tx.Query, app.UID); err != nil || taken {
			return firstOf(err, uidTaken("application", app.UID))
		}
	}
	app.Updated = now(tx)
	_, err := tx.Exec("UPDATE sender_applications SET uid = ?, name = ?, rate = ?, metadata = ?, updated = ? WHERE id = ?",
		app.UID, app.Name, app.RateLimit, object(app.Metadata), millis(app.Updated), app.ID)
	if err == nil && app.RateLimit != before.RateLimit {
		err = s.changed(tx)
	}
	if err != nil {
		return fmt.Errorf("changing an application: %w", err)
	}
	return nil
}

// DeleteApplication deletes an application with its endpoints. What is pending for these
// is not sent any more; its messages go when they have been kept long enough.
func (s *Sender) DeleteApplication(tx *store.Tx, ref string) error {
	app, err := application(tx.Query, ref)
	if err != nil {
		return err
	}
	for _, query := range []string{
		"DELETE FROM sender_secrets WHERE endpoint IN (SELECT id FROM sender_endpoints WHERE app = ?)",
		"DELETE FROM sender_endpoints WHERE app = ?",
		"DELETE FROM sender_applications WHERE id = ?",
	} {
		if _, err := tx.Exec(query, app.ID); err != nil {
			return fmt.Errorf("deleting an application: %w", err)
		}
	}
	return s.changed(tx)
}

// Application returns an application by its id or uid.
func (s *Sender) Application(ctx context.Context, ref string) (Application, error) {
	return application(s.often(ctx), ref)
}

// Applications returns a page of the applications.
func (s *Sender) Applications(ctx context.Context, p Page) (List[Application], error) {
	c, err := p.read(func(id string) bool { _, ok := decodeID(prefixApplication, id); return ok })
	if err != nil {
		return List[Application]{}, err
	}
	condition, order, args := c.sql("id")
	var apps []Application
	err = s.reading(ctx)("SELECT "+applicationColumns+" FROM sender_applications WHERE 1 = 1"+condition+order, args, func(scan func(...any) error) error {
		app, err := scanApplication(scan)
		apps = append(apps, app)
		return err
	})
	if err != nil {
		return List[Application]{}, fmt.Errorf("listing applications: %w", err)
	}
	return listOf(c, apps, func(a *Application) string { return a.ID }), nil
}

const applicationColumns = "id, uid, name, rate, metadata, created, updated"

func scanApplication(scan func(...any) error) (a Application, err error) {
	var metadata string
	var created, updated int64
	if err = scan(&a.ID, &a.UID, &a.Name, &a.RateLimit, &metadata, &created, &updated); err != nil {
		return a, err
	}
	a.Created, a.Updated = moment(created), moment(updated)
	a.Metadata, err = readObject(metadata)
	return a, err
}

// refColumn is the column that a reference is to be found in.
func refColumn(prefix, ref string) string {
	if isID(prefix, ref) {
		return "id"
	}
	return "uid"
}

// findApplication returns an application, if there is one of that id or uid.
func findApplication(q rows, ref string) (app Application, found bool, err error) {
	if ref == "" {
		return Application{}, false, nil
	}
	err = q("SELECT "+applicationColumns+" FROM sender_applications WHERE "+refColumn(prefixApplication, ref)+" = ?", []any{ref}, func(scan func(...any) error) (err error) {
		found = true
		app, err = scanApplication(scan)
		return err
	})
	if err != nil {
		return Application{}, false, fmt.Errorf("reading an application: %w", err)
	}
	return app, found, nil
}

// application is findApplication of one that there has to be.
func application(q rows, ref string) (Application, error) {
	app, found, err := findApplication(q, ref)
	if err == nil && !found {
		err = fmt.Errorf("application %w", ErrNotFound)
	}
	return app, err
}
