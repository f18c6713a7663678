package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookgate/hookgate/sender"
)

// param is a parameter of a query, for the OpenAPI document.
type param struct {
	name, kind, about string
	values            []string
}

// The parameters there are. What no row of the table names is ignored.
var (
	paramLimit    = param{name: "limit", kind: "integer", about: "How many items are returned at most, from 1 to 250. Default: 50."}
	paramIterator = param{name: "iterator", kind: "string", about: "The iterator or prevIterator of an earlier page."}
	paramOrder    = param{name: "order", kind: "string", about: "How the list is sorted.", values: []string{"ascending", "descending"}}
	paramBefore   = param{name: "before", kind: "date-time", about: "Only what is from before this time."}
	paramAfter    = param{name: "after", kind: "date-time", about: "Only what is from after this time."}
	paramSince    = param{name: "since", kind: "date-time", about: "The beginning of the period."}
	paramUntil    = param{name: "until", kind: "date-time", about: "The end of the period."}
	paramTypes    = param{name: "event_types", kind: "list", about: "Only of these event types."}
	paramChannel  = param{name: "channel", kind: "string", about: "Only of this channel."}
	paramTag      = param{name: "tag", kind: "string", about: "Only with this tag."}
	paramContent  = param{name: "with_content", kind: "boolean", about: "Whether payloads, responses or schemas are part of the answer."}
	paramMessage  = param{name: "with_msg", kind: "boolean", about: "Whether the message is part of each attempt. Default: false."}
	paramStatus   = param{name: "status", kind: "integer", about: "Only of this status: 0 success, 1 pending, 2 fail, 3 sending, 4 canceled.", values: []string{"0", "1", "2", "3", "4"}}
	paramClass    = param{name: "status_code_class", kind: "integer", about: "Only with responses of this class; 0 for none.", values: []string{"0", "100", "200", "300", "400", "500"}}
	paramEndpoint = param{name: "endpoint_id", kind: "string", about: "Only of this endpoint, by id or uid."}
	paramExisting = param{name: "get_if_exists", kind: "boolean", about: "Whether an application that there is already is the answer. Default: false."}
	paramArchived = param{name: "include_archived", kind: "boolean", about: "Whether archived event types are listed. Default: false."}
	paramExpunge  = param{name: "expunge", kind: "boolean", about: "Whether it is deleted altogether, and not only archived. Default: false."}
)

var (
	pageParams   = []param{paramLimit, paramIterator}
	orderParams  = append(slices.Clone(pageParams), paramOrder)
	windowParams = append(slices.Clone(pageParams), paramBefore, paramAfter)
)

// query reads parameters. The first that cannot be read is what fail says.
type query struct {
	values url.Values
	fail   error
}

func parseQuery(raw string) (*query, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, malformed("Failed to deserialize query string.")
	}
	return &query{values: values}, nil
}

// text returns a parameter as it is, and whether it is there.
func (q *query) text(p param) (string, bool) { return q.values.Get(p.name), q.values.Has(p.name) }

// wrong notes that a parameter cannot be read.
func (q *query) wrong(p param, want string) {
	if q.fail == nil {
		q.fail = malformed("Failed to deserialize query string: %s: expected %s.", p.name, want)
	}
}

func (q *query) bool(p param, otherwise bool) bool {
	switch text, there := q.text(p); {
	case !there:
		return otherwise
	case text == "true", text == "false":
		return text == "true"
	default:
		q.wrong(p, "true or false")
		return false
	}
}

func (q *query) time(p param) time.Time {
	text, there := q.text(p)
	if !there {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, strings.Replace(text, " ", "+", 1)) // a + that was not escaped
	if err != nil {
		q.wrong(p, "a time as of RFC 3339")
	}
	return at
}

// choice reads one of the parameter's values.
func (q *query) choice(p param) (string, bool) {
	text, there := q.text(p)
	if there && !slices.Contains(p.values, text) {
		q.wrong(p, "one of "+strings.Join(p.values, ", "))
		return "", false
	}
	return text, there
}

// number reads one of the parameter's values, which are numbers; nil if it is not
// there.
func (q *query) number(p param) *int {
	text, there := q.choice(p)
	if !there {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err) // the values of the table are numbers
	}
	return &n
}

// list reads event types, in any of the spellings that SDKs have: name=a,b, name=a&name=b,
// name[]=a and name[0]=a.
func (q *query) list(p param) (items []string) {
	var names []string
	for name := range q.values {
		if index, ok := strings.CutPrefix(name, p.name); ok && (index == "" || index[0] == '[' && strings.HasSuffix(index, "]")) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range q.values[name] {
			for item := range strings.SplitSeq(value, ",") {
				if item != "" && !slices.Contains(items, item) {
					items = append(items, item)
				}
			}
		}
	}
	return items
}

// page reads which part of a list is asked for. What can be read and is wrong all the
// same gets a [ValidationError].
func (q *query) page(ascending bool) sender.Page {
	page := sender.Page{Ascending: ascending}
	page.Iterator, _ = q.text(paramIterator)
	if text, there := q.text(paramLimit); there {
		limit, err := strconv.ParseUint(text, 10, 64)
		switch {
		case err != nil:
			q.wrong(paramLimit, "a whole number")
		case (limit < 1 || limit > 250) && q.fail == nil:
			q.fail = invalid("", "Given limit must not exceed 250, and be 1 at least", "query", "limit")
		}
		page.Limit = int(min(limit, 250))
	}
	return page
}

// ordered is a page of a list that can be asked for in either order.
func (q *query) ordered(ascending bool) sender.Page {
	if order, there := q.choice(paramOrder); there {
		ascending = order == "ascending"
	}
	return q.page(ascending)
}
