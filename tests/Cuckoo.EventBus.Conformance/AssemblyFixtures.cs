[assembly: AssemblyFixture(typeof(EmbeddedAndSqlite))]
[assembly: AssemblyFixture(typeof(KafkaAndPostgreSql))]
