using Cuckoo.EventBus.Fuzz;

if (args.Contains("--help") || args.Contains("-h"))
{
    Console.WriteLine(FuzzOptions.Usage);
    return 0;
}

try
{
    var options = FuzzOptions.Parse(args);
    Console.Error.WriteLine($"Fuzzing with {options.Records} records, seed {options.Seed}.");
    await using var kafka = new KafkaFixture();
    var broker = await kafka.Broker;
    if (!broker.IsReal)
    {
        throw new FuzzException("No Kafka: set KAFKA_HOME to a distribution of Apache Kafka, or EVENTBUS_TEST_KAFKA to a broker.");
    }

    await using var databases = new PostgresFixture();
    await using var database = await databases.CreateAsync<FuzzContext>();
    return await new FuzzRun(options, broker, database).RunAsync() ? 0 : 1;
}
catch (FuzzException e)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}
