package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// The pace at which the portal's script asks whether its page has changed.
const (
	pollSoon   = 3 * time.Second
	pollSeldom = 30 * time.Second
	pollSlower = 1.3
)

// viewer is a browser that shows a page of the portal.
type viewer struct {
	client  *http.Client
	session *http.Cookie
	url     string
	tag     string // of what it shows; empty before the script has asked once
	wait    time.Duration
}

// signIn opens a session with a token, or with a link to the portal.
func (t *tenants) signIn(ctx context.Context, key string) (*http.Cookie, error) {
	form := url.Values{"key": {key}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url+"/login", bytes.NewReader([]byte(form)))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := t.client.Transport.RoundTrip(request) // which follows no redirect
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	cookies := response.Cookies()
	if response.StatusCode != http.StatusSeeOther || len(cookies) != 1 {
		return nil, fmt.Errorf("%s: signing in: %s", t.name, response.Status)
	}
	return cookies[0], nil
}

// viewer follows a link to the portal of an application, and opens a page.
func (t *tenants) viewer(ctx context.Context, browser *http.Client, app int, page string) (*viewer, error) {
	answer, err := t.post(ctx, t.url+"/api/v1/auth/app-portal-access/"+t.ids[app], []byte("{}"), http.StatusOK)
	if err != nil {
		return nil, err
	}
	link, err := fieldOf(answer, "url")
	if err != nil {
		return nil, err
	}
	session, err := t.signIn(ctx, link)
	if err != nil {
		return nil, err
	}
	v := &viewer{client: browser, session: session, url: t.url + page, wait: pollSoon}
	_, _, err = v.get(ctx, "")
	return v, err
}

// get asks for the page, as the script or the browser does.
func (v *viewer) get(ctx context.Context, tag string) (status int, now string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, v.url, nil)
	if err != nil {
		return 0, "", err
	}
	request.AddCookie(v.session)
	request.Header.Set("Accept", "text/html")
	if tag != "" {
		request.Header.Set("If-None-Match", tag)
	}
	response, err := v.client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	if now = response.Header.Get("ETag"); err == nil && (response.StatusCode != http.StatusOK && response.StatusCode != http.StatusNotModified || now == "") {
		err = fmt.Errorf("GET %s: %s, tagged %q", v.url, response.Status, now)
	}
	return response.StatusCode, now, err
}

// poll asks once, and says after how long it is to ask again: what static/script.js does.
func (v *viewer) poll(ctx context.Context) (status int, err error) {
	status, now, err := v.get(ctx, v.tag)
	if err != nil {
		return status, err
	}
	v.wait = min(time.Duration(float64(v.wait)*pollSlower), pollSeldom)
	if status == http.StatusOK {
		if v.tag != "" {
			v.wait = pollSoon
		}
		v.tag = now
	}
	return status, nil
}

// crowd is viewers, who watch together.
type crowd struct {
	viewers []*viewer
	stop    context.CancelFunc
	asking  sync.WaitGroup

	mu        sync.Mutex
	watched   time.Duration
	began     time.Time
	latencies []float64 // of the answers, in milliseconds
	same      int       // answers that nothing has changed
	err       error
}

// watch lets them look. The first of their questions are spread. No crowd is one, too.
func (c *crowd) watch(ctx context.Context) {
	if c == nil {
		return
	}
	ctx, c.stop = context.WithCancel(ctx)
	c.began = time.Now()
	for i, v := range c.viewers {
		c.asking.Go(func() {
			timer := time.NewTimer(time.Duration(i) * pollSoon / time.Duration(len(c.viewers)))
			defer timer.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-timer.C:
				}
				c.ask(ctx, v)
				timer.Reset(v.wait)
			}
		})
	}
}

func (c *crowd) ask(ctx context.Context, v *viewer) {
	began := time.Now()
	status, err := v.poll(ctx)
	took := time.Since(began)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case ctx.Err() != nil: // it has left meanwhile
		return
	case err != nil:
		c.err = errors.Join(c.err, err)
		return
	case status == http.StatusNotModified:
		c.same++
	}
	c.latencies = append(c.latencies, milliseconds(took))
}

// leave lets them look no more, and returns what went wrong meanwhile.
func (c *crowd) leave() error {
	if c == nil || c.stop == nil {
		return nil
	}
	c.stop()
	c.asking.Wait()
	c.stop, c.watched = nil, c.watched+time.Since(c.began)
	return c.err
}

// String says what they have asked.
func (c *crowd) String() string {
	n := float64(len(c.latencies))
	return fmt.Sprintf("%d viewers: %.1f requests/s, p50 %.1f ms, p99 %.1f ms, %.0f %% of them answered 304",
		len(c.viewers), n/c.watched.Seconds(), quantile(c.latencies, 0.5), quantile(c.latencies, 0.99), 100*float64(c.same)/n)
}
