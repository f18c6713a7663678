package portal

import (
	"net/http"

	"github.com/hookgate/hookgate/api"
)

const app = prefix + "/app/{app}"

// routes are all that the portal does for people.
var routes = []route{
	{http.MethodGet, loginPath, public, "", login},
	{http.MethodPost, loginPath, public, "", signIn},
	{http.MethodPost, prefix + "/logout", signedIn, "", signOut},
	{http.MethodGet, prefix, signedIn, "", home},
	{http.MethodGet, prefix + "/{$}", signedIn, "", home},

	{http.MethodGet, prefix + "/apps", organisation, "", listApps},

	{http.MethodGet, app + "/endpoints", owners, api.ViewBase, listEndpoints},

	{http.MethodGet, app + "/play", owners, api.ViewBase, listInboxes},
	{http.MethodPost, app + "/play", owners, api.ManageEndpoint, takeInbox},
	{http.MethodGet, app + "/play/{token}", owners, api.ViewBase, showInbox},
	{http.MethodGet, app + "/play/{token}/{n}", owners, api.ViewBase, showBody},
	{http.MethodPost, app + "/play/{token}/answer", owners, api.ManageEndpoint, answerInbox},
	{http.MethodPost, app + "/play/{token}/delete", owners, api.ManageEndpoint, deleteInbox},
}
