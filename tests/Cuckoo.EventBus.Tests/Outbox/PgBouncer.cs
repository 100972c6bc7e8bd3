using Npgsql;

namespace Cuckoo.EventBus.Tests.Outbox;

/// <summary>A transaction pooler in front of a database: each transaction may meet another session of the server's.</summary>
internal sealed class PgBouncer : IAsyncDisposable
{
    private static readonly string[] Programs = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer", "/opt/homebrew/bin/pgbouncer"];

    private readonly ServerProcess _process;
    private readonly string _folder;

    private PgBouncer(ServerProcess process, string folder, string connectionString)
    {
        _process = process;
        _folder = folder;
        ConnectionString = connectionString;
    }

    public string ConnectionString { get; }

    /// <summary>Starts it with few sessions of the server, so that its clients share them. Ends the test where it is not installed.</summary>
    public static async Task<PgBouncer> StartAsync(TestDatabase database, int sessions)
    {
        var program = Programs.FirstOrDefault(File.Exists);
        if (program is null)
        {
            Requirement.Missing("No transaction pooler: install pgbouncer");
        }

        var server = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        var port = ServerProcess.FreePort();
        var folder = Directory.CreateTempSubdirectory("eventbus-pgbouncer-").FullName;
        var password = string.IsNullOrEmpty(server.Password) ? "" : $" password='{server.Password}'";
        var settings = Path.Combine(folder, "pgbouncer.ini");
        await File.WriteAllTextAsync(settings, $"""
            [databases]
            {server.Database} = host={server.Host} port={server.Port} dbname={server.Database} user={server.Username}{password}
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {port}
            unix_socket_dir =
            auth_type = any
            pool_mode = transaction
            default_pool_size = {sessions}
            max_client_conn = 200
            ignore_startup_parameters = extra_float_digits,options
            """);
        // It refuses to run as root.
        string[] asUser = [];
        if (Environment.IsPrivilegedProcess)
        {
            await ServerProcess.RunAsync(["chmod", "-R", "a+rX", folder]);
            asUser = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"];
        }

        var process = await ServerProcess.StartAsync([.. asUser, program, settings], Path.Combine(folder, "console.log"));
        var connectionString = new NpgsqlConnectionStringBuilder(database.ConnectionString)
        {
            Host = "127.0.0.1",
            Port = port,
            // What Npgsql's documentation asks for behind one.
            NoResetOnClose = true,
            MaxAutoPrepare = 0,
        }.ConnectionString;
        try
        {
            await Eventually.True(() => AnswersAsync(connectionString), what: "pgbouncer answers");
            return new PgBouncer(process, folder, connectionString);
        }
        catch (Exception e)
        {
            await process.DisposeAsync();
            throw new InvalidOperationException($"pgbouncer did not start:\n{process.LogTail()}", e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await using (var connection = new NpgsqlConnection(ConnectionString))
        {
            NpgsqlConnection.ClearPool(connection);
        }

        await _process.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<bool> AnswersAsync(string connectionString)
    {
        try
        {
            await using var connection = new NpgsqlConnection(connectionString);
            await connection.OpenAsync();
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }
}
