using System.Diagnostics;
using Npgsql;

namespace Cuckoo.EventBus.TestKit;

/// <summary>A PostgreSQL server: someone else's, or one of this process's own in a temporary folder.</summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private readonly ServerProcess? _process;
    private readonly string? _folder;

    private PostgresServer(string connectionString, ServerProcess? process = null, string? folder = null)
    {
        ConnectionString = connectionString;
        _process = process;
        _folder = folder;
    }

    /// <summary>To the server's own database, as someone who may create others.</summary>
    public string ConnectionString { get; }

    /// <summary>The server's process id, where it is this process's own.</summary>
    public int? ProcessId => _process?.Id;

    /// <summary>The server to test with; <see langword="null"/> where the machine has none.</summary>
    /// <param name="settings">For a server of this process's own, over those that make tests fast.</param>
    public static async Task<PostgresServer?> FindOrStartAsync(IReadOnlyDictionary<string, string>? settings = null)
    {
        if (Environment.GetEnvironmentVariable("EVENTBUS_TEST_POSTGRES") is { Length: > 0 } connectionString)
        {
            return new PostgresServer(connectionString);
        }

        return Binaries() is { } binaries ? await StartNewAsync(binaries, settings ?? new Dictionary<string, string>()) : null;
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 120 };
        await command.ExecuteNonQueryAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.StopAsync(PosixSignalNumber.Quit);
            await _process.DisposeAsync();
        }

        if (_folder is not null)
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    private static string? Binaries()
    {
        var debian = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").OrderByDescending(d => int.TryParse(Path.GetFileName(d), out var version) ? version : 0).Select(d => Path.Combine(d, "bin"))
            : [];
        return debian.Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'))
            .FirstOrDefault(folder => File.Exists(Path.Combine(folder, "initdb")) && File.Exists(Path.Combine(folder, "postgres")));
    }

    private static async Task<PostgresServer> StartNewAsync(string binaries, IReadOnlyDictionary<string, string> settings)
    {
        var folder = Directory.CreateTempSubdirectory("eventbus-postgres-").FullName;
        var data = Path.Combine(folder, "data");
        // The server refuses to run as root.
        string[] asUser = [];
        if (Environment.IsPrivilegedProcess)
        {
            var users = (await File.ReadAllLinesAsync("/etc/passwd")).Select(line => line.Split(':')).ToDictionary(fields => fields[0]);
            var user = users.GetValueOrDefault("postgres") ?? users["nobody"];
            await ServerProcess.RunAsync(["chown", user[2], folder]);
            asUser = ["setpriv", $"--reuid={user[2]}", $"--regid={user[3]}", "--clear-groups", "--"];
        }

        await ServerProcess.RunAsync([.. asUser, Path.Combine(binaries, "initdb"), "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        var port = ServerProcess.FreePort();
        var log = Path.Combine(folder, "server.log");
        var process = await ServerProcess.StartAsync(
            [
                .. asUser, Path.Combine(binaries, "postgres"), "-D", data, "-p", $"{port}",
                "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=400",
                // The server is thrown away at the end.
                "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
                // The last of a name counts.
                .. settings.SelectMany(setting => new[] { "-c", $"{setting.Key}={setting.Value}" }),
            ],
            log);
        var server = new PostgresServer($"Host=127.0.0.1;Port={port};Username=postgres;Database=postgres;Include Error Detail=true", process, folder);
        var clock = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                await server.ExecuteAsync("SELECT 1");
                return server;
            }
            catch (NpgsqlException e)
            {
                if (process.HasExited || clock.Elapsed > TimeSpan.FromMinutes(1))
                {
                    throw new InvalidOperationException($"PostgreSQL did not start:\n{process.LogTail()}", e);
                }

                await Task.Delay(TimeSpan.FromMilliseconds(50));
            }
        }
    }
}
