package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// apiRefusal is what the API says instead of doing something.
type apiRefusal struct {
	status int
	text   string
}

func (e *apiRefusal) Error() string { return e.text }

// problem is what is wrong with one value.
type problem struct {
	Loc []string `json:"loc"`
	Msg string   `json:"msg"`
}

// said is an error of the API. Its detail is a text, or a list of problems.
type said struct {
	Detail json.RawMessage `json:"detail"`
}

// refusal puts an error of the API into words, with what to do about it.
func (c *caller) refusal(what *call, response *http.Response, answer []byte) error {
	var own said
	detail, problems := "", []problem(nil)
	known := json.Unmarshal(answer, &own) == nil
	if known && json.Unmarshal(own.Detail, &detail) != nil {
		known = json.Unmarshal(own.Detail, &problems) == nil && len(problems) > 0
	}
	detail = safe(detail)
	return &apiRefusal{status: response.StatusCode, text: c.remedy(what, response, known, detail, problems)}
}

func (c *caller) remedy(what *call, response *http.Response, known bool, detail string, problems []problem) string {
	program, status := c.host.Program, response.StatusCode
	switch {
	case status >= 300 && status <= 399:
		return fmt.Sprintf("%s leads elsewhere, to %s, which is not followed: name the API's own host with --url", c.base, safe(cmp.Or(response.Header.Get("Location"), "nowhere")))
	case status == http.StatusUnauthorized && c.refused != "":
		return c.refused
	case status == http.StatusUnauthorized:
		return fmt.Sprintf("the token is not valid: it is expired, revoked, or of another gateway. Make one with %s webhook token, and export it as %s", program, envToken)
	case status == http.StatusForbidden:
		return fmt.Sprintf("the token may not do this: it is one of an application, or one that only reads. Make one of the organisation with %s webhook token", program)
	case status == http.StatusNotFound && known && what.about != "":
		return fmt.Sprintf("there is no %s, or it is not the token's to see", what.about)
	case len(problems) > 0:
		return wrong(problems)
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		return fmt.Sprintf("the gateway does not take this now (%s); try again%s", cmp.Or(detail, http.StatusText(status)), later(response))
	case known && detail != "":
		return fmt.Sprintf("%s (%d)", strings.TrimSuffix(detail, "."), status)
	case status == http.StatusNotFound:
		return fmt.Sprintf("what answers at %s is no API of a gateway: name the host of webhook_portal with --url", c.base)
	}
	return fmt.Sprintf("%s answers %d %s", c.base, status, http.StatusText(status))
}

// wrong names the fields and what is wrong with each.
func wrong(problems []problem) string {
	texts := make([]string, len(problems))
	for i, p := range problems {
		loc := p.Loc
		if len(loc) > 1 && (loc[0] == "body" || loc[0] == "query" || loc[0] == "path") {
			loc = loc[1:]
		}
		texts[i] = safe(strings.Join(loc, ".") + ": " + strings.TrimSuffix(p.Msg, "."))
	}
	return strings.Join(texts, "; ")
}

// later says when to try again, if the API does.
func later(response *http.Response) string {
	if after := response.Header.Get("Retry-After"); after != "" && len(after) < 6 && strings.Trim(after, "0123456789") == "" {
		return " in " + after + " s"
	}
	return " later"
}
