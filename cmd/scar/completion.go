package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/scar-go/scar/cmd/internal/flow"
)

// completion prints the script that makes a shell complete commands, flags and names.
func (a *app) completion() *cobra.Command {
	return &cobra.Command{
		Use:   "completion {bash|zsh|fish|powershell}",
		Short: "Print the completion script for a shell",
		Example: `  source <(scar completion bash)
  scar completion zsh > "${fpath[1]}/_scar"
  scar completion fish > ~/.config/fish/completions/scar.fish`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.stdout)
			case "fish":
				return root.GenFishCompletion(a.stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.stdout)
			}
			return fmt.Errorf("unknown shell %q", args[0])
		},
	}
}

// completionTime is how long a shell waits for names from the account.
const completionTime = 3 * time.Second

// completeFunction completes the name of a function of the file, as far as the file can be read. Without one, commands about the
// account complete the names of the functions there.
func (a *app) completeFunction(files *fileFlags) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		if len(files.paths) == 0 && !exists(defaultFile) && cmd.Flags().Lookup("profile") != nil {
			return a.deployedNames(cmd), cobra.ShellCompDirectiveNoFileComp
		}
		file, err := files.outline(cmd, a)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		names := make([]string, len(file.Functions))
		for i := range file.Functions {
			names[i] = file.Functions[i].Name
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// deployedNames are the names of functions in the account that the flags of a command name. Who has none is offered none.
func (a *app) deployedNames(cmd *cobra.Command) []string {
	ctx, stop := context.WithTimeout(cmd.Context(), completionTime)
	defer stop()
	var account accountFlags
	for name, value := range map[string]*string{"region": &account.region, "profile": &account.profile} {
		*value, _ = cmd.Flags().GetString(name) // empty, where a command has no such flag
	}
	account.local, _ = cmd.Flags().GetBool("local")
	cmd.SetContext(ctx)
	connected, err := account.connect(cmd, a, "", "", nil)
	if err != nil {
		return nil
	}
	return connected.FunctionNames(ctx)
}

// completeAddress completes the address of a resource that the file describes.
func (a *app) completeAddress(files *fileFlags, account *accountFlags) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		file, err := files.outline(cmd, a)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		region := either(account.region, file.Region)
		region = either(region, either(a.getenv("AWS_REGION"), a.getenv("AWS_DEFAULT_REGION")))
		var names []string
		for _, address := range flow.Addresses(file, region) {
			names = append(names, address.String())
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
