-- NameWorker: gives the name by which this session takes work, and takes the session lock of that name: whoever finds it free knows that
-- the session has ended, also when it was killed.
-- Called by JoinWork and StartJob.
CREATE OR ALTER PROCEDURE internal.NameWorker
    @Worker NVARCHAR(128) OUTPUT -- the name
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Got INT = 0, @Message NVARCHAR(2000);
    SET @Worker = CAST(SESSION_CONTEXT(N'lungdb_worker') AS NVARCHAR(128));
    IF @Worker IS NULL
    BEGIN
        SET @Worker = CONCAT(N'lungdb worker ', LEFT(HOST_NAME(), 60), N' ', CAST(NEWID() AS NVARCHAR(36)));
        EXECUTE sp_set_session_context @key = N'lungdb_worker', @value = @Worker;
    END;
    IF APPLOCK_MODE('public', @Worker, 'Session') = 'NoLock'
        EXECUTE @Got = sp_getapplock @Resource = @Worker, @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 1000;
    IF @Got < 0
    BEGIN
        SET @Message = CONCAT(N'The session lock ''', REPLACE(@Worker, N'%', N'%%'), N''' that tells others of this session cannot be ',
            N'taken (sp_getapplock gave ', @Got, N'). Open another connection and call again.');
        THROW 50460, @Message, 1;
    END;
END;
