package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	svix "github.com/svix/svix-webhooks/go"
	"github.com/svix/svix-webhooks/go/models"
)

func ref[T any](v T) *T { return &v }

// sdk is the official SDK for Go, unmodified, against a running server.
func sdk(t testing.TB, s *server, token string) *svix.Svix {
	t.Helper()
	base, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	client, err := svix.New(token, &svix.SvixOptions{ServerUrl: base})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// must takes what a call of the SDK returns.
func must[T any](v *T, err error) func(testing.TB) *T {
	return func(t testing.TB) *T {
		t.Helper()
		if err == nil && v != nil {
			return v
		}
		var e *svix.Error
		if errors.As(err, &e) {
			t.Fatalf("%d: %s", e.Status(), e.Body())
		}
		t.Fatalf("no result, error %v", err)
		return nil
	}
}

func done(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		must[int](nil, err)(t)
	}
}

// status is that of an error of the SDK.
func status(t testing.TB, err error) int {
	t.Helper()
	var e *svix.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v, want one of the API", err)
	}
	return e.Status()
}

// The official SDK does all there is with applications, endpoints and event types.
func TestGoSDKModels(t *testing.T) {
	s := newServer(t, config{})
	ctx, c := t.Context(), sdk(t, s, s.org)

	app := must(c.Application.GetOrCreate(ctx, models.ApplicationIn{Name: "Acme", Uid: ref("customer-42"), Metadata: &map[string]string{"plan": "pro"}}, nil))(t)
	if again := must(c.Application.GetOrCreate(ctx, models.ApplicationIn{Name: "Other", Uid: ref("customer-42")}, nil))(t); again.Id != app.Id || again.Name != "Acme" {
		t.Errorf("made %+v, then %+v", app, again)
	}
	if _, err := c.Application.Create(ctx, models.ApplicationIn{Name: "Acme", Uid: ref("customer-42")}, nil); status(t, err) != 409 {
		t.Errorf("the same uid: %v", err)
	}
	if got := must(c.Application.Get(ctx, "customer-42"))(t); got.Id != app.Id || got.Metadata["plan"] != "pro" || got.CreatedAt.IsZero() {
		t.Errorf("got %+v", got)
	}
	if got := must(c.Application.Update(ctx, app.Id, models.ApplicationIn{Name: "New", Uid: ref("customer-42"), ThrottleRate: ref(uint16(9))}))(t); got.Name != "New" || *got.ThrottleRate != 9 {
		t.Errorf("replaced %+v", got)
	}
	if got := must(c.Application.Patch(ctx, app.Id, models.ApplicationPatch{Name: ref("Acme")}))(t); got.Name != "Acme" || *got.Uid != "customer-42" {
		t.Errorf("patched %+v", got)
	}
	for i := range 4 {
		must(c.Application.Create(ctx, models.ApplicationIn{Name: fmt.Sprint(i)}, nil))(t)
	}
	first := must(c.Application.List(ctx, &svix.ApplicationListOptions{Limit: ref(uint64(2)), Order: ref(models.ORDERING_DESCENDING)}))(t)
	second := must(c.Application.List(ctx, &svix.ApplicationListOptions{Limit: ref(uint64(2)), Order: ref(models.ORDERING_DESCENDING), Iterator: first.Iterator}))(t)
	back := must(c.Application.List(ctx, &svix.ApplicationListOptions{Limit: ref(uint64(2)), Order: ref(models.ORDERING_DESCENDING), Iterator: second.PrevIterator}))(t)
	if len(first.Data) != 2 || len(second.Data) != 2 || first.Done || !back.Done || back.Data[0].Id != first.Data[0].Id || second.Data[0].Id >= first.Data[1].Id {
		t.Errorf("pages %+v, %+v, %+v", first, second, back)
	}

	kind := must(c.EventType.Create(ctx, models.EventTypeIn{Name: "invoice.paid", Description: "An invoice was paid", Schemas: ref(map[string]any{"1": map[string]any{"type": "object"}})}, nil))(t)
	if got := must(c.EventType.Get(ctx, kind.Name))(t); got.Schemas == nil || got.Description != kind.Description {
		t.Errorf("got %+v", got)
	}
	must(c.EventType.Update(ctx, kind.Name, models.EventTypeUpdate{Description: "new"}))(t)
	must(c.EventType.Patch(ctx, kind.Name, models.EventTypePatch{Deprecated: ref(true)}))(t)
	if got := must(c.EventType.List(ctx, &svix.EventTypeListOptions{WithContent: ref(true), IncludeArchived: ref(true)}))(t); len(got.Data) != 1 || !got.Data[0].Deprecated || got.Data[0].Description != "new" {
		t.Errorf("listed %+v", got)
	}

	ep := must(c.Endpoint.Create(ctx, app.Id, models.EndpointIn{Url: example, FilterTypes: []string{"invoice.paid"}, Channels: []string{"project_1"}, Headers: &map[string]string{"X-A": "1"}}, nil))(t)
	if ep.Version != 1 || !slices.Equal(ep.FilterTypes, []string{"invoice.paid"}) || !slices.Equal(ep.Channels, []string{"project_1"}) {
		t.Errorf("made %+v", ep)
	}
	must(c.Endpoint.Update(ctx, app.Id, ep.Id, models.EndpointUpdate{Url: example + "x"}))(t)
	if got := must(c.Endpoint.Patch(ctx, app.Id, ep.Id, models.EndpointPatch{Description: ref("x")}))(t); got.Url != example+"x" || got.Description != "x" || got.FilterTypes != nil {
		t.Errorf("patched %+v", got)
	}
	if got := must(c.Endpoint.List(ctx, app.Id, nil))(t); len(got.Data) != 1 || !got.Done || *got.Iterator != ep.Id {
		t.Errorf("listed %+v", got)
	}
	secret := must(c.Endpoint.GetSecret(ctx, app.Id, ep.Id))(t)
	done(t, c.Endpoint.RotateSecret(ctx, app.Id, ep.Id, models.EndpointSecretRotateIn{}, nil))
	if got := must(c.Endpoint.GetSecret(ctx, app.Id, ep.Id))(t); got.Key == secret.Key {
		t.Error("the secret is the same")
	}
	done(t, c.Endpoint.UpdateHeaders(ctx, app.Id, ep.Id, models.EndpointHeadersIn{Headers: map[string]string{"X-A": "1", "Authorization": "x"}}))
	done(t, c.Endpoint.PatchHeaders(ctx, app.Id, ep.Id, models.EndpointHeadersPatchIn{Headers: map[string]string{"X-B": "2"}, DeleteHeaders: []string{"X-A"}}))
	if got := must(c.Endpoint.GetHeaders(ctx, app.Id, ep.Id))(t); len(got.Headers) != 1 || got.Headers["X-B"] != "2" || !slices.Equal(got.Sensitive, []string{"Authorization"}) {
		t.Errorf("headers %+v", got)
	}
	if got := must(c.Endpoint.GetStats(ctx, app.Id, ep.Id, &svix.EndpointGetStatsOptions{Since: ref(time.Now().Add(-time.Hour))}))(t); got.Success != 0 || got.Fail != 0 {
		t.Errorf("stats %+v", got)
	}
	done(t, c.Endpoint.Delete(ctx, app.Id, ep.Id))
	if _, err := c.Endpoint.Get(ctx, app.Id, ep.Id); status(t, err) != 404 {
		t.Errorf("deleted: %v", err)
	}
	done(t, c.EventType.Delete(ctx, kind.Name, &svix.EventTypeDeleteOptions{Expunge: ref(true)}))
	done(t, c.Application.Delete(ctx, app.Id))
	if _, err := c.Application.Get(ctx, app.Id); status(t, err) != 404 {
		t.Errorf("deleted: %v", err)
	}
}

// The official SDK sends messages, looks at the attempts, and sends again.
//
// (E-22)
func TestGoSDKMessages(t *testing.T) {
	s := newServer(t, config{})
	ctx, c := t.Context(), sdk(t, s, s.org)
	r := newReceiver(t, always(500))
	app := must(c.Application.Create(ctx, models.ApplicationIn{Name: "Acme"}, nil))(t)
	ep := must(c.Endpoint.Create(ctx, app.Id, models.EndpointIn{Url: r.URL}, nil))(t)
	secret := must(c.Endpoint.GetSecret(ctx, app.Id, ep.Id))(t)
	begin := time.Now().Add(-time.Minute)

	in := models.MessageIn{EventType: "invoice.paid", EventId: ref("inv-1"), Payload: map[string]any{"invoice": "in_1"}, Channels: []string{"c"}, Tags: []string{"t"}}
	once := &svix.MessageCreateOptions{IdempotencyKey: ref("invoice-paid-in_1-v1")}
	msg := must(c.Message.Create(ctx, app.Id, in, once))(t)
	if again := must(c.Message.Create(ctx, app.Id, in, once))(t); again.Id != msg.Id || !again.Timestamp.Equal(msg.Timestamp) {
		t.Errorf("sent %+v, and with the same key %+v", msg, again)
	}
	if _, err := c.Message.Create(ctx, app.Id, in, nil); status(t, err) != 409 {
		t.Errorf("the same event id: %v", err)
	}
	if msg.Payload["invoice"] != "in_1" {
		t.Errorf("payload %v", msg.Payload)
	}
	if got := must(c.Message.Get(ctx, app.Id, "inv-1", nil))(t); got.Id != msg.Id || got.Payload["invoice"] != "in_1" {
		t.Errorf("got %+v", got)
	}
	if got := must(c.Message.List(ctx, app.Id, &svix.MessageListOptions{EventTypes: &[]string{"invoice.paid", "x"}, Channel: ref("c"), Tag: ref("t"), After: &begin}))(t); len(got.Data) != 1 {
		t.Errorf("listed %+v", got)
	}

	s.attempts(app.Id, msg.Id, len(quick)+1)
	seen := make(map[string]bool)
	for iterator := (*string)(nil); ; {
		page := must(c.MessageAttempt.ListByMsg(ctx, app.Id, msg.Id, &svix.MessageAttemptListByMsgOptions{Limit: ref(uint64(1)), Iterator: iterator, Status: ref(models.MESSAGESTATUS_FAIL), StatusCodeClass: ref(models.STATUSCODECLASS_CODE5XX)}))(t)
		for _, a := range page.Data {
			seen[a.Id] = true
			if a.ResponseStatusCode != 500 || a.Status != models.MESSAGESTATUS_FAIL || a.TriggerType != models.MESSAGEATTEMPTTRIGGERTYPE_SCHEDULED || a.Timestamp.Before(begin) {
				t.Errorf("attempt %+v", a)
			}
			must(c.MessageAttempt.Get(ctx, app.Id, msg.Id, a.Id, nil))(t)
		}
		if page.Done {
			break
		}
		iterator = page.Iterator
	}
	if len(seen) != len(quick)+1 {
		t.Errorf("%d attempts", len(seen))
	}
	for _, webhook := range r.wait(t, len(quick)+1) {
		if !verified(t, secret.Key, webhook) || webhook.header.Get("Svix-Id") != msg.Id {
			t.Errorf("webhook %v", webhook.header)
		}
	}

	r.says(nil)
	task := must(c.Endpoint.Recover(ctx, app.Id, ep.Id, models.RecoverIn{Since: begin}, nil))(t)
	if task.Task != models.BACKGROUNDTASKTYPE_ENDPOINT_RECOVER {
		t.Errorf("task %+v", task)
	}
	s.finished(task.Id)
	if got := must(c.BackgroundTask.Get(ctx, task.Id))(t); got.Status != models.BACKGROUNDTASKSTATUS_FINISHED || got.Data["messagesSent"] != 1.0 {
		t.Errorf("task %+v", got)
	}
	if got := must(c.BackgroundTask.List(ctx, nil))(t); len(got.Data) != 1 {
		t.Errorf("tasks %+v", got)
	}
	s.attempts(app.Id, msg.Id, len(quick)+2)
	must(c.MessageAttempt.Resend(ctx, app.Id, msg.Id, ep.Id, nil))(t)
	s.attempts(app.Id, msg.Id, len(quick)+3)
	must(c.Endpoint.ReplayMissing(ctx, app.Id, ep.Id, models.ReplayIn{Since: begin}, nil))(t)
	bulk := must(c.Endpoint.BulkReplay(ctx, app.Id, ep.Id, models.BulkReplayIn{Since: begin, EventTypes: []string{"invoice.paid"}, Status: ref(models.MESSAGESTATUS_SUCCESS)}, nil))(t)
	s.finished(bulk.Id)
	s.attempts(app.Id, msg.Id, len(quick)+4)
	must(c.Endpoint.SendExample(ctx, app.Id, ep.Id, models.EventExampleIn{EventType: "svix.ping"}, nil))(t)

	if got := must(c.MessageAttempt.ListByEndpoint(ctx, app.Id, ep.Id, &svix.MessageAttemptListByEndpointOptions{WithMsg: ref(true), EventTypes: &[]string{"invoice.paid"}}))(t); len(got.Data) != len(quick)+4 || got.Data[0].Msg.Id != msg.Id {
		t.Errorf("attempts %+v", got)
	}
	if got := must(c.MessageAttempt.ListAttemptedMessages(ctx, app.Id, ep.Id, &svix.MessageAttemptListAttemptedMessagesOptions{Status: ref(models.MESSAGESTATUS_SUCCESS), Channel: ref("c")}))(t); len(got.Data) != 1 || got.Data[0].Id != msg.Id {
		t.Errorf("messages %+v", got)
	}
	if got := must(c.MessageAttempt.ListAttemptedDestinations(ctx, app.Id, msg.Id, nil))(t); len(got.Data) != 1 || got.Data[0].Status != models.MESSAGESTATUS_SUCCESS {
		t.Errorf("destinations %+v", got)
	}
	attempt := must(c.MessageAttempt.ListByMsg(ctx, app.Id, msg.Id, nil))(t).Data[0]
	done(t, c.MessageAttempt.ExpungeContent(ctx, app.Id, msg.Id, attempt.Id))
	done(t, c.Message.ExpungeContent(ctx, app.Id, msg.Id))
	if got := must(c.Message.Get(ctx, app.Id, msg.Id, nil))(t); got.Payload["expired"] != true {
		t.Errorf("expunged %+v", got)
	}
}

// The official SDK gives access to the portal, and ends it.
func TestGoSDKAccess(t *testing.T) {
	s := newServer(t, config{})
	ctx, c := t.Context(), sdk(t, s, s.org)
	done(t, c.Health.Get(ctx))
	access := must(c.Authentication.AppPortalAccess(ctx, "u", models.AppPortalAccessIn{
		Application: &models.ApplicationIn{Name: "a", Uid: ref("u")}, Capabilities: []models.AppPortalCapability{models.APPPORTALCAPABILITY_VIEW_BASE},
		SessionId: ref("s1"), Expiry: ref(uint64(3600)), FeatureFlags: []string{"beta"},
	}, nil))(t)
	own := sdk(t, s, access.Token)
	must(own.Application.Get(ctx, "u"))(t)
	if _, err := own.Endpoint.Create(ctx, "u", models.EndpointIn{Url: example}, nil); status(t, err) != 403 {
		t.Errorf("read only: %v", err)
	}
	done(t, own.Authentication.Logout(ctx, nil))
	if _, err := own.Application.Get(ctx, "u"); status(t, err) != 401 {
		t.Errorf("logged out: %v", err)
	}
	other := must(c.Authentication.AppPortalAccess(ctx, "u", models.AppPortalAccessIn{SessionId: ref("s2")}, nil))(t)
	must(c.Authentication.DashboardAccess(ctx, "u", nil))(t)
	done(t, c.Authentication.ExpireAll(ctx, "u", models.ApplicationTokenExpireIn{SessionIds: []string{"s2"}}, nil))
	if _, err := sdk(t, s, other.Token).Application.Get(ctx, "u"); status(t, err) != 401 {
		t.Errorf("expired: %v", err)
	}
	if _, err := sdk(t, s, "nonsense").Application.Get(ctx, "u"); status(t, err) != 401 {
		t.Errorf("nonsense: %v", err)
	}
}

// A server that fails after the commit is asked again by the SDK, at once and with the same
// key; nothing is done twice.
//
// (E-18)
func TestGoSDKRetries(t *testing.T) {
	s := newServer(t, config{})
	fails := 0
	lossy := newProxy(t, s, func(*http.Request) bool { fails++; return fails%3 != 0 })
	base, _ := url.Parse(lossy)
	c, err := svix.New(s.org, &svix.SvixOptions{ServerUrl: base})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.WithoutCancel(t.Context())
	r := newReceiver(t, nil)
	app := must(c.Application.Create(ctx, models.ApplicationIn{Name: "a"}, nil))(t)
	ep := must(c.Endpoint.Create(ctx, app.Id, models.EndpointIn{Url: r.URL}, nil))(t)
	msg := must(c.Message.Create(ctx, app.Id, models.MessageIn{EventType: "a", EventId: ref("e"), Payload: map[string]any{}}, nil))(t)
	s.attempts(app.Id, msg.Id, 1)
	must(c.MessageAttempt.Resend(ctx, app.Id, msg.Id, ep.Id, nil))(t)
	s.attempts(app.Id, msg.Id, 2)
	if apps, eps, msgs := s.list("/app"), s.list("/app/"+app.Id+"/endpoint"), s.list("/app/"+app.Id+"/msg"); len(apps) != 1 || len(eps) != 1 || len(msgs) != 1 {
		t.Errorf("%d applications, %d endpoints, %d messages, want one of each", len(apps), len(eps), len(msgs))
	}
	if fails < 12 {
		t.Errorf("only %d requests came: the SDK was not made to repeat any", fails)
	}
	r.wait(t, 2)
}
