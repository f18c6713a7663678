package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/hookgate/hookgate/store"
)

// readOperatorBody reads one JSON object with known members only. An empty body is
// an empty object.
func readOperatorBody(r *http.Request, into any) error {
	if err := parameters(r); err != nil {
		return err
	}
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is something after it")
		}
	}
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return &OperatorError{http.StatusRequestEntityTooLarge, "payload_too_large", fmt.Sprintf("The body is larger than %d bytes.", maxOperatorBody)}
	case err != nil && !errors.Is(err, io.EOF):
		return invalid("The body is not the JSON object that is expected: %v.", err)
	}
	return nil
}

// parameters reports unknown or repeated parameters of the query.
func parameters(r *http.Request, known ...string) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return invalid("The query is malformed.")
	}
	for name, values := range query {
		if !slices.Contains(known, name) {
			return invalid("There is no parameter %.40q here.", name)
		}
		if len(values) > 1 {
			return invalid("%s is there more than once.", name)
		}
	}
	return nil
}

func parseSeq(text string) (int64, error) {
	seq, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seq <= 0 {
		return 0, invalid("The number of an event is a positive decimal number; %.40q is not.", text)
	}
	return seq, nil
}

func parseFilter(query url.Values) (f store.Filter, err error) {
	f.Source, f.Type = query.Get("source"), query.Get("type")
	if text := query.Get("state"); text != "" {
		state, ok := store.ParseState(text)
		if !ok {
			return f, invalid("state is pending, delivered, dead or ignored; %.40q is not.", text)
		}
		f.State = state
	}
	for name, into := range map[string]*time.Time{"from": &f.From, "to": &f.To} {
		if text := query.Get(name); text != "" {
			if *into, err = time.Parse(time.RFC3339Nano, text); err != nil {
				return f, invalid("%s is a time in RFC 3339, such as 2026-02-20T16:25:51Z.", name)
			}
		}
	}
	if text := query.Get("before"); text != "" {
		if f.Before, err = parseSeq(text); err != nil {
			return f, err
		}
	}
	if text := query.Get("limit"); text != "" {
		if f.Limit, err = strconv.Atoi(text); err != nil || f.Limit < 1 || f.Limit > maxPage {
			return f, invalid("limit is 1 to %d.", maxPage)
		}
	}
	return f, nil
}
