using System.Diagnostics;
using Npgsql;

namespace Cuckoo.EventBus.TestKit;

/// <summary>A PostgreSQL server: someone else's, or one of this process's own in a temporary folder.</summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(1);

    private static readonly Dictionary<string, string> Durable = new() { ["fsync"] = "on", ["synchronous_commit"] = "on", ["full_page_writes"] = "on" };

    private readonly string[] _command = [];
    private readonly string? _folder;
    private ServerProcess? _process;

    private PostgresServer(string connectionString) => ConnectionString = connectionString;

    private PostgresServer(string folder, string[] command, int port)
        : this($"Host=127.0.0.1;Port={port};Username=postgres;Database=postgres;Include Error Detail=true")
    {
        _folder = folder;
        _command = [.. command, "-p", $"{port}"];
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

    /// <summary>One of this process's own that keeps what it commits, however it ends; <see langword="null"/> where the machine has none.</summary>
    public static async Task<PostgresServer?> StartDurableAsync() => Binaries() is { } binaries ? await StartNewAsync(binaries, Durable) : null;

    /// <summary>Starts it again after <see cref="StopAsync"/>, at the same address, and waits until it answers.</summary>
    public async Task StartAsync()
    {
        _process = await ServerProcess.StartAsync(_command, Path.Combine(_folder!, "server.log"));
        var clock = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                await ExecuteAsync("SELECT 1");
                return;
            }
            catch (NpgsqlException e)
            {
                if (_process.HasExited || clock.Elapsed > StartLimit)
                {
                    throw new InvalidOperationException($"PostgreSQL did not start:\n{_process.LogTail()}", e);
                }

                await Task.Delay(TimeSpan.FromMilliseconds(50));
            }
        }
    }

    /// <summary>Stops it, if it is this process's own.</summary>
    /// <param name="signal">Interrupt breaks off what runs (fast); Quit ends at once, so that the next start recovers (immediate).</param>
    public async Task StopAsync(PosixSignalNumber signal)
    {
        if (_process is not null)
        {
            await _process.StopAsync(signal);
            await _process.DisposeAsync();
            _process = null;
        }
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
        await StopAsync(PosixSignalNumber.Quit);
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
        string[] command =
        [
            .. asUser, Path.Combine(binaries, "postgres"), "-D", data,
            "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=400",
            // One whose contents nobody will miss.
            "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
            // The last of a name counts.
            .. settings.SelectMany(setting => new[] { "-c", $"{setting.Key}={setting.Value}" }),
        ];
        var server = new PostgresServer(folder, command, ServerProcess.FreePort());
        await server.StartAsync();
        return server;
    }
}
