// A test double of containerd-shim-spin: the stock shim for runc, with two changes to what it is told to create.
//
//   - A container whose command is `/` is the WebAssembly of its image. The real shim runs it on Spin; here it is run by
//     `host`, which is mounted into the container, with the container's own environment.
//   - Every other container of the pod loses its environment and gets the one of this process, which is containerd's. The
//     real shim does so too (runwasi #619). A few variables are added that would mislead a program that reads them.
//
// What it does not imitate: Spin itself, that no command can be executed in a container, and that mount points which the
// image lacks end a container.
package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	task "github.com/containerd/containerd/api/runtime/task/v3"
	"github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2/manager"
	runc "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2/task"
	"github.com/containerd/containerd/v2/pkg/shim"
	"github.com/containerd/containerd/v2/pkg/shutdown"
	"github.com/containerd/containerd/v2/plugins"
	"github.com/containerd/plugin"
	"github.com/containerd/plugin/registry"
	"github.com/containerd/ttrpc"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// What an inherited environment may hold at worst.
var misleading = []string{
	"KUBECONFIG=/nonexistent/kubeconfig",
	"PRA_DATABASE=/nonexistent/app.db",
	"PRA_BACKUPS=/nonexistent",
	"PRA_REPLICA=file:///nonexistent",
	"PRA_RECIPIENTS=none",
	"PRA_FIRST_INSTALL=true",
	"PRA_ACCEPT_UNREACHABLE=true",
	"PRA_WAIT=no time",
	"AWS_ENDPOINT_URL=http://127.0.0.1:1",
	"AWS_ACCESS_KEY_ID=none",
}

func main() {
	registry.Register(&plugin.Registration{
		Type:     plugins.TTRPCPlugin,
		ID:       "task",
		Requires: []plugin.Type{plugins.EventPlugin, plugins.InternalPlugin},
		InitFn:   service,
	})
	shim.Run(context.Background(), manager.NewShimManager("io.containerd.spin.v2"))
}

func service(start *plugin.InitContext) (any, error) {
	publisher, err := start.GetByID(plugins.EventPlugin, "publisher")
	if err != nil {
		return nil, err
	}
	stop, err := start.GetByID(plugins.InternalPlugin, "shutdown")
	if err != nil {
		return nil, err
	}
	stock, err := runc.NewTaskService(start.Context, publisher.(shim.Publisher), stop.(shutdown.Service))
	return &double{stock}, err
}

// double is the stock service, but for what it creates.
type double struct {
	task.TTRPCTaskService
}

func (d *double) RegisterTTRPC(server *ttrpc.Server) error {
	task.RegisterTTRPCTaskService(server, d)
	return nil
}

func (d *double) Create(ctx context.Context, request *task.CreateTaskRequest) (*task.CreateTaskResponse, error) {
	// They are of the real shim's type, which runc's does not know.
	request.Options = nil
	if err := edit(filepath.Join(request.Bundle, "config.json")); err != nil {
		return nil, err
	}
	return d.TTRPCTaskService.Create(ctx, request)
}

func edit(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var spec specs.Spec
	if err := json.Unmarshal(text, &spec); err != nil {
		return err
	}
	if spec.Annotations["io.kubernetes.cri.container-type"] == "sandbox" {
		return nil
	}
	if spec.Process.Args[0] == "/" {
		err = onHost(&spec)
	} else {
		spec.Process.Env = append(os.Environ(), misleading...)
	}
	if err != nil {
		return err
	}
	if text, err = json.Marshal(spec); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// onHost runs the image's application by the `host` beside this program.
func onHost(spec *specs.Spec) error {
	const program = "/.host"
	own, err := os.Executable()
	if err != nil {
		return err
	}
	source := filepath.Join(filepath.Dir(own), "host")
	spec.Mounts = append(spec.Mounts, specs.Mount{
		Destination: program, Source: source, Type: "bind", Options: []string{"rbind", "ro"},
	})
	spec.Process.Args = []string{program, "--from", "/spin.toml", "--runtime-config-file", "/runtime-config.toml"}
	spec.Process.Env = append(spec.Process.Env, "HOST_CACHE_DIR=/tmp/host")
	return nil
}
